import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { until } from '../helpers/until.js'
import { errorOf, hostilePool, LAUNCHERS, poolOf, settled } from './support.js'

const ANSWER = { act: 'answer', text: 'well' }

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'drover-ends-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

describe('workers that fail at their start', () => {
  it('are tried with growing pauses, and then all who wait get the reason', async () => {
    const log = join(newFolder(), 'log')
    const options = { max: 1, maxStartFailures: 4, startBackoffMs: 40 }
    const plan = { log, crashes: 100, code: 9, stderr: 'no database\n' }
    const { pool, ask } = bound(hostilePool('frames', options, plan))
    const errors = await Promise.all([errorOf(ask(ANSWER)), errorOf(ask(ANSWER))])
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'ERR_DROVER_WORKER_START', exitCode: 9, stderr: 'no database\n' })
      expect(error.message).toMatch(/4 times in a row.*exit code 9.*no database/)
    }
    const times = readFileSync(log, 'latin1').trim().split('\n').map(Number)
    expect(times).toHaveLength(4)
    const gaps = times.slice(1).map((time, n) => time - times[n]!)
    for (const [n, least] of [40, 80, 160].entries()) expect(gaps[n]).toBeGreaterThanOrEqual(least - 2)
    expect(pool.stats()).toMatchObject({ started: 4, queued: 0 })
  })

  it('are no longer started for min, but when somebody asks, and are forgiven as soon as one is well', async () => {
    const log = join(newFolder(), 'log')
    const { pool, ask } = bound(hostilePool('frames', { min: 1, startBackoffMs: 1 }, { log, crashes: 4 }))
    await until('three have failed', () => pool.stats().started === 3 && pool.stats().starting === 0)
    await until('they are gone', () => pool.stats().leaving === 0)
    expect(await errorOf(ask(ANSWER))).toMatchObject({ code: 'ERR_DROVER_WORKER_START' })
    expect(pool.stats().started).toBe(4)
    expect((await settled(ask(ANSWER))).value).toBe('well')
    const died = errorOf(ask({ act: 'die', at: 0 }))
    expect(await died).toMatchObject({ code: 'ERR_DROVER_WORKER_DIED' })
    await until('min is there again', () => pool.stats().spare === 1)
  })

  it('are not those that end when they have long been ready: min is there again, however often', async () => {
    const hostile = hostilePool('frames', { min: 1, max: 1 })
    const now = performance.now.bind(performance)
    let shiftMs = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + shiftMs)
    onTestFinished(() => clock.mockRestore())
    for (let n = 0; n < 5; n++) {
      await until('it is ready', () => hostile.pool.stats().spare === 1)
      shiftMs += 60_000
      process.kill(hostile.processes[0]!, 'SIGKILL')
      await until('it has ended', () => hostile.pool.stats().spare === 0)
    }
    await until('min is there again', () => hostile.pool.stats().spare === 1)
    expect(hostile.pool.stats().started).toBe(6)
  })

  it.each(['close', 'destroy'] as const)('do not keep %s from its end in a pause', async (end) => {
    const log = join(newFolder(), 'log')
    const hostile = hostilePool('frames', { startBackoffMs: 100 }, { log, crashes: 100 })
    const asked = errorOf(hostile.ask(ANSWER))
    await new Promise((resolve) => hostile.pool.once('exit', resolve))
    const ended = hostile.pool[end]()
    expect(await asked).toMatchObject({ code: end === 'close' ? 'ERR_DROVER_WORKER_START' : 'ERR_DROVER_CLOSED' })
    await settled(ended, end)
    expect(hostile.pool.stats()).toMatchObject({ starting: 0, leaving: 0, queued: 0 })
  })
})

describe.each(LAUNCHERS)('with the %s launcher', (launcher) => {
  it.each([0, 100])('destroy while workers are started leaves nothing (grace of %d ms)', async (graceMs) => {
    const hostile = hostilePool('frames', { launcher, min: 2, max: 4 })
    const asked = [1, 2, 3].map(() => errorOf(hostile.ask(ANSWER)))
    const lease = errorOf(hostile.pool.acquire())
    await settled(hostile.pool.destroy({ graceMs }), 'destroy')
    for (const error of await Promise.all([...asked, lease])) expect(error).toMatchObject({ code: 'ERR_DROVER_CLOSED' })
    expect(hostile.processes).toEqual([])
    expect(hostile.pool.stats()).toMatchObject({ running: 0, spare: 0, starting: 0, leaving: 0 })
  })

  it('close while workers are started answers what was asked for', async () => {
    const hostile = hostilePool('frames', { launcher, min: 2, max: 3 })
    const asked = [1, 2, 3, 4, 5].map(() => hostile.ask(ANSWER))
    await settled(hostile.pool.close(), 'close')
    for (const { value } of await Promise.all(asked)) expect(value).toBe('well')
    expect(hostile.processes).toEqual([])
  })

  it('close and destroy may be called again, together, and from a listener', async () => {
    const hostile = hostilePool('frames', { launcher, min: 2, max: 2, killGraceMs: 100 })
    const { pool } = hostile
    await settled(Promise.all([hostile.ask({ act: 'stay', text: 'x' }), hostile.ask({ act: 'stay', text: 'x' })]))
    const calls: Promise<void>[] = []
    pool.on('exit', () => calls.push(pool.destroy(), pool.close()))
    calls.push(pool.close(), pool.close(), pool.destroy(), pool.destroy({ graceMs: 0 }), pool.close())
    await settled(Promise.all(calls), 'the first calls')
    expect(calls).toHaveLength(9)
    await settled(Promise.all(calls), 'those of the listener')
    expect(hostile.processes).toEqual([])
  })

  it('a worker that exits and has not read its request, of 20 MB, is told with its exit code', async () => {
    const pool = poolOf('/bin/sh', ['-c', 'head -c 10 >&2; exit 3'], { protocol: 'lines', max: 1, launcher })
    for (let n = 0; n < 2; n++) {
      const error = await errorOf(pool.request('x'.repeat(20_000_000)))
      expect(error).toMatchObject({ code: 'ERR_DROVER_WORKER_DIED', exitCode: 3, stderr: 'x'.repeat(10) })
    }
  })
})

describe('time', () => {
  it('that a request waits does not count for its timeout', async () => {
    const { ask } = bound(hostilePool('lines', { max: 1 }))
    await ask(ANSWER)
    const before = ask({ act: 'slow', text: 'x'.repeat(400) })
    const { queuedMs } = await settled(ask(ANSWER, { timeoutMs: 390 }))
    expect(queuedMs).toBeGreaterThanOrEqual(390)
    await before
  })

  it('is given to each try anew', async () => {
    const line = 'read -r line; if mkdir "$0"; then sleep 0.2; exit 3; fi; read -r line'
    const options = { protocol: 'lines', max: 1, killGraceMs: 50 } as const
    const pool = poolOf('/bin/sh', ['-c', line, join(newFolder(), 'tried')], options)
    const error = await errorOf(pool.request('x', { retries: 5, timeoutMs: 2_000 }))
    expect(error).toMatchObject({ code: 'ERR_DROVER_TIMEOUT' })
    expect(pool.stats()).toMatchObject({ rejected: 1, queued: 0, inFlight: 0 })
    expect(pool.stats().started).toBeGreaterThanOrEqual(2)
  })
})

function bound(hostile: ReturnType<typeof hostilePool>) {
  return { pool: hostile.pool, ask: hostile.ask.bind(hostile) }
}
