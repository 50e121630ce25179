import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
// As it was built: workers that are modules are started from there.
import { daemon, findRun, type LiveRun, liveRuns } from '../../dist/index.js'
import { ACTING, type ActingModule, actOn, all, answers } from '../executive/support.js'
import { until } from '../helpers/until.js'

let folder: string
const before = process.env.XDG_RUNTIME_DIR
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-control-'))
  process.env.XDG_RUNTIME_DIR = folder
})
afterEach(() => {
  if (before === undefined) delete process.env.XDG_RUNTIME_DIR
  else process.env.XDG_RUNTIME_DIR = before
  rmSync(folder, { recursive: true, force: true })
})

async function firstSeen(): Promise<LiveRun> {
  let live: LiveRun[] = []
  await until('it can be seen', async () => {
    live = (await liveRuns()) as LiveRun[]
    return live.length > 0
  })
  return live[0]!
}

describe('forEach', () => {
  it('is seen and steered where that is asked for', async () => {
    const items = answers(100_000)
    const run = actOn(items, { control: true })
    const results = all(run)
    const { run: id } = await firstSeen()
    const remote = await findRun(id)
    await remote.pause()
    await until('nothing is in hand', async () => (await remote.status()).progress.running === 0)
    const { progress, kind, paused, jobs } = await remote.status({ tasks: true })
    expect({ kind, paused, jobs }).toEqual({ kind: 'for-each', paused: true, jobs: 2 })
    expect(progress.done).toBeGreaterThan(0)
    expect(progress.done).toBeLessThan(items.length)
    await expect(remote.tail('1')).rejects.toMatchObject({ code: 'ERR_DROVER_UNSUPPORTED' })
    await expect(remote.cancelTask('1')).rejects.toMatchObject({ code: 'ERR_DROVER_UNSUPPORTED' })
    await remote.setJobs(3)
    await remote.resume()
    await until('it goes on', async () => (await remote.status()).progress.done > progress.done)
    expect(await remote.status()).toMatchObject({ paused: false, jobs: 3 })
    await remote.cancel()
    const states = new Set((await results).map(({ state }) => state))
    expect(states.has('succeeded')).toBe(true)
    expect(readdirSync(join(folder, 'drover/control'))).toEqual([])
  })
})

describe('a daemon', () => {
  it('is seen, pauses over rounds, and is drained when it is cancelled', async () => {
    let rounds = 0
    const ended = daemon<ActingModule>({
      queue: () => {
        rounds += 1
        return answers(3)
      },
      handler: ACTING,
      intervalMs: 5,
      concurrency: 2,
      signals: false,
    })
    const { run: id } = await firstSeen()
    const remote = await findRun(id)
    await until('it has done some', async () => (await remote.status()).progress.done >= 6)
    expect(await remote.status()).toMatchObject({ kind: 'daemon', jobs: 2, paused: false, progress: { total: null } })
    await remote.pause()
    await until('nothing is in hand', async () => (await remote.status()).progress.running === 0)
    await remote.setJobs(1)
    await remote.resume()
    const now = rounds
    await until('it goes on', () => rounds > now + 2)
    expect(await remote.status()).toMatchObject({ jobs: 1, paused: false })
    await remote.cancel()
    const summary = await ended
    expect(summary).toMatchObject({ endedBy: 'SIGTERM', failures: 0 })
    expect(summary.byState.succeeded).toBe(summary.total)
    expect(readdirSync(join(folder, 'drover/control'))).toEqual([])
  })

  it('is not seen where that is not wanted', async () => {
    let rounds = 0
    await daemon<ActingModule>({
      queue: () => answers(1),
      handler: ACTING,
      intervalMs: 60,
      control: false,
      stop: async () => {
        expect(await liveRuns()).toEqual([])
        rounds += 1
        return rounds === 5
      },
    })
  })
})
