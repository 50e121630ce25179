import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import { type FleetWorker, work } from '../../src/fleet/fleet-worker.js'
import { QueueRunner } from '../../src/fleet/queue-runner.js'
import type { WorkOptions } from '../../src/fleet/work-options.js'
import type { Result } from '../../src/task/result.js'
import type { Task } from '../../src/task/task.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { StallingProxy } from './stalling-proxy.js'
import { SERVERS, type TestServer } from './support.js'

const LOCK_MS = 2_000

describe.each(['Redis', 'PostgreSQL'] as const)('locks on %s', (kind) => {
  let server: TestServer
  let proxy: StallingProxy
  let folder: string
  let queue: string
  let count = 0
  const workers: FleetWorker[] = []

  beforeAll(async () => {
    server = await SERVERS[kind]()
    proxy = await StallingProxy.open(Number(new URL(server.address('x')).port))
    folder = mkdtempSync(join(tmpdir(), 'drover-locks-'))
  }, 120_000)
  afterEach(async () => {
    proxy.resume()
    await Promise.all(workers.splice(0).map((worker) => worker.destroy()))
  })
  afterAll(async () => {
    proxy?.close()
    await server?.remove()
    rmSync(folder, { recursive: true, force: true })
  })
  const worker = async (address: string, options: Partial<WorkOptions> = {}) => {
    const started = await work({ queue: address, concurrency: 2, lockMs: LOCK_MS, outputs: null, ...options })
    workers.push(started)
    await started.ready()
    return started
  }
  const cutOff = () => queue.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${proxy.port}`)
  const run = async (task: Task) => {
    const runner = await QueueRunner.open({ queue })
    try {
      const results: Result[] = []
      for await (const result of dispatch([task], { runner })) results.push(result)
      return results
    } finally {
      await runner.close()
    }
  }
  const newQueue = () => {
    queue = server.address(`locks${++count}`)
  }

  it('are renewed for as long as a task runs', async () => {
    newQueue()
    const one = await worker(cutOff())
    await worker(queue)
    const file = join(folder, `long-${kind}`)
    const running = run({ command: `echo x >> ${file}; sleep ${(3 * LOCK_MS) / 1_000}` })
    expect(await running).toMatchObject([{ state: 'succeeded' }])
    expect(readFileSync(file, 'utf8')).toBe('x\n')
    expect(one.counts()).toMatchObject({ locksLost: 0, lateResults: 0 })
  })

  it('that cannot be renewed end the task before they expire, and another worker runs it', async () => {
    newQueue()
    const cut = await worker(cutOff(), { concurrency: 1 })
    const seconds = uniqueSleep()
    const file = join(folder, `cut-${kind}`)
    // The one who is cut off ignores TERM, with a process in a session of its own.
    const stubborn = `trap '' TERM; setsid sleep ${seconds} & sleep ${seconds}; sleep ${seconds}`
    const running = run({ command: `if test -e ${file}; then echo other; else touch ${file}; ${stubborn}; fi` })
    await until('it runs', () => processesWith(`sleep ${seconds}`).length >= 2)
    const other = await worker(queue)
    proxy.stall()
    const stalledMs = performance.now()
    // From here on no lock was renewed, so none that is older than this is good after LOCK_MS.
    await until('nothing of it is left', () => processesWith(`sleep ${seconds}`).length === 0, LOCK_MS)
    expect(performance.now() - stalledMs).toBeLessThan(LOCK_MS)
    expect(other.counts().active).toBe(0)
    expect(await running).toMatchObject([{ state: 'succeeded', stdout: 'other\n' }])
    expect(other.counts().byState.succeeded).toBe(1)
    proxy.resume()
    await until('it has given the task up', () => cut.counts().active === 0)
    expect(cut.counts()).toMatchObject({ locksLost: 1, byState: { succeeded: 0, cancelled: 0 } })
    // It is there again.
    workers.splice(workers.indexOf(other), 1)
    await other.close()
    expect(await run({ command: 'echo back' })).toMatchObject([{ state: 'succeeded', stdout: 'back\n' }])
    expect(cut.counts().byState.succeeded).toBe(1)
  })

  it('that are gone have a late result refused', async () => {
    newQueue()
    let [finish, calls] = [() => {}, 0]
    const late = new Promise<void>((resolve) => {
      finish = resolve
    })
    const handler = (who: string) => async () => {
      calls += 1
      // A function that heeds no signal cannot be ended.
      if (who === 'cut') await late
      return who
    }
    const cut = await worker(cutOff(), { handler: handler('cut') })
    const running = run({ command: 'whoever' })
    await until('it runs', () => calls === 1)
    await worker(queue, { handler: handler('other') })
    proxy.stall()
    expect(await running).toMatchObject([{ state: 'succeeded', value: 'other' }])
    finish()
    proxy.resume()
    await until('its result was refused', () => cut.counts().lateResults === 1)
    expect(await run({ command: 'whoever' })).toMatchObject([{ state: 'succeeded' }])
  })
})
