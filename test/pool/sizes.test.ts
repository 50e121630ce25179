import { describe, expect, it } from 'vitest'
import { isAlive } from '../helpers/processes.js'
import { runProgram } from '../helpers/program.js'
import { until } from '../helpers/until.js'
import { errorOf, hostilePool, LAUNCHERS, poolOf, settled } from './support.js'

const ANSWER = { act: 'answer', text: 'well' }
const SILENT = { act: 'silent' }

describe('how many workers there are', () => {
  it('min at once, max at the most, and maxSpare when there is nothing to do', async () => {
    const { pool, ask } = bound(hostilePool('frames', { min: 1, max: 4, maxSpare: 2 }))
    await until('min are ready', () => pool.stats().spare === 1)
    const answers = Array.from({ length: 12 }, () => ask({ act: 'slow', text: 'well' }))
    expect(pool.stats()).toMatchObject({ running: 1, starting: 3, queued: 11 })
    await settled(Promise.all(answers))
    await until('only the spare ones are left', () => {
      const { running, spare, leaving } = pool.stats()
      return running === 0 && spare === 2 && leaving === 0
    })
    expect(pool.stats()).toMatchObject({ started: 4, answered: 12, rejected: 0 })
  })

  it('exhausted: throw rejects what would have to wait', async () => {
    const { pool, ask } = bound(hostilePool('frames', { max: 1, exhausted: 'throw' }))
    const first = ask(ANSWER)
    expect(await errorOf(ask(ANSWER))).toMatchObject({ name: 'PoolExhaustedError', code: 'ERR_DROVER_EXHAUSTED' })
    expect((await first).value).toBe('well')
    expect((await ask(ANSWER)).value).toBe('well')
    expect(pool.stats()).toMatchObject({ answered: 2, rejected: 1 })
  })

  it('maxQueue bounds what waits', async () => {
    const { ask } = bound(hostilePool('frames', { max: 1, maxQueue: 2 }))
    const taken = [ask(ANSWER), ask(ANSWER)]
    expect(await errorOf(ask(ANSWER))).toMatchObject({ code: 'ERR_DROVER_EXHAUSTED' })
    for (const { value } of await Promise.all(taken)) expect(value).toBe('well')
  })

  it('higher priorities go first, and equals in order', async () => {
    const { pool } = hostilePool('frames', { max: 1 })
    const order: number[] = []
    const ask = async (n: number, priority: number) => {
      await pool.request(JSON.stringify(ANSWER), { priority })
      order.push(n)
    }
    await Promise.all([ask(1, 0), ask(2, 5), ask(3, 0), ask(4, 5), ask(5, -1)])
    expect(order).toEqual([2, 4, 1, 3, 5])
  })
})

describe('when workers are replaced', () => {
  const PID = 'while read -r line; do echo $$; done'
  const pids = async (pool: ReturnType<typeof poolOf>, count: number) => {
    const all: number[] = []
    for (let n = 0; n < count; n++) all.push(Number((await settled(pool.request('x'))).value))
    return all
  }

  it('maxRequests: 1 is a fresh process for each', async () => {
    const pool = poolOf('/bin/sh', ['-c', PID], { protocol: 'lines', max: 2, maxRequests: 1 })
    const all = await pids(pool, 10)
    expect(new Set(all).size).toBe(10)
  })

  it('by age, and by idle time down to min', async () => {
    const options = { protocol: 'lines', min: 1, max: 1, maxAgeMs: 50, checkIntervalMs: 10 } as const
    const [first] = await pids(poolOf('/bin/sh', ['-c', PID], options), 1)
    await until('it is replaced', () => !isAlive(first!))
    const idle = poolOf('/bin/sh', ['-c', PID], {
      protocol: 'lines',
      min: 0,
      max: 3,
      maxIdleMs: 30,
      checkIntervalMs: 10,
    })
    await Promise.all([1, 2, 3].map(() => idle.request('x')))
    await until('all have exited', () => idle.stats().spare === 0)
  })

  it('by memory: after the answer, and at once where it is more than it may', async () => {
    const limits = { recycleMemoryBytes: 150e6, checkIntervalMs: 20 }
    const { pool, ask } = bound(hostilePool('frames', limits))
    const { pid } = await ask({ act: 'leak', bytes: 100e6, text: 'x' })
    await ask({ act: 'leak', bytes: 100e6, text: 'x' })
    await until('it is replaced', () => !isAlive(pid))
    expect(pool.stats().rejected).toBe(0)
    const strict = bound(hostilePool('frames', { maxMemoryBytes: 150e6, checkIntervalMs: 20, killGraceMs: 100 }))
    expect(await errorOf(strict.ask({ act: 'swell', bytes: 200e6 }))).toMatchObject({
      code: 'ERR_DROVER_WORKER_MEMORY',
    })
    expect((await strict.ask(ANSWER)).value).toBe('well')
  })

  it('one that does not answer a health check', async () => {
    const { ask } = bound(
      hostilePool('frames', { healthCheckMs: 20, healthTimeoutMs: 50, checkIntervalMs: 10, killGraceMs: 50 }),
    )
    const { pid } = await ask({ act: 'deaf', text: 'x' })
    await until('it is ended', () => !isAlive(pid))
    expect((await ask(ANSWER)).value).toBe('well')
  })
})

describe('the end of a pool', () => {
  it('close answers what was asked for, and takes nothing more', async () => {
    const { pool, ask } = bound(hostilePool('frames', { max: 1 }))
    const answers = [ask(ANSWER), ask(ANSWER)]
    const closed = pool.close()
    expect(await errorOf(ask(ANSWER))).toMatchObject({ code: 'ERR_DROVER_CLOSED' })
    for (const { value } of await Promise.all(answers)) expect(value).toBe('well')
    await settled(closed)
  })

  it('destroy rejects all, and ends what does not want to', async () => {
    const hostile = hostilePool('lines', { max: 1, killGraceMs: 50 })
    await hostile.ask({ act: 'stay', text: 'x' })
    const requests = [hostile.ask(SILENT), hostile.ask(ANSWER)].map(errorOf)
    await settled(hostile.pool.destroy())
    for (const error of await Promise.all(requests)) expect(error).toMatchObject({ code: 'ERR_DROVER_CLOSED' })
    expect(hostile.processes).toEqual([])
  })

  it.each(LAUNCHERS)('an idle pool lets its program end, one with something to do does not (%s)', async (launcher) => {
    const source = `
      const pool = new drover.ProcessPool('/bin/sh', ['-c', 'while read -r l; do sleep 0.3; echo $l; done'], { protocol: 'lines', min: 2, max: 2, launcher: '${launcher}' })
      pool.request('x').then(({ value }) => console.log(value))`
    expect(await runProgram(source)).toMatchObject({ stdout: 'x\n', stderr: '', exitCode: 0 })
  })
})

describe('a lease', () => {
  it('is one worker for several requests, and shows what is printed meanwhile', async () => {
    const { pool } = hostilePool('process-pool', { max: 1 })
    await using lease = await pool.acquire()
    const exchange = lease.sendRequest(JSON.stringify({ act: 'answer', text: 'one', stderr: 'complaint' }))
    expect(await errorOf(lease.sendRequest('two at once'))).toMatchObject({ code: 'ERR_DROVER_BUSY' })
    expect(await lease.waitForOutput({ timeoutMs: 10_000 })).toBe(true)
    expect(await exchange).toMatchObject({ value: 'one', stdout: 'one', stderr: 'complaint', pid: lease.pid })
    expect([lease.stdout, lease.stderr, lease.hasFailed]).toEqual(['one', 'complaint', false])
    const other = pool.request(JSON.stringify(ANSWER))
    expect(pool.stats()).toMatchObject({ running: 1, queued: 1 })
    lease.release()
    expect((await settled(other)).value).toBe('well')
  })

  it('released before the answer costs the worker, and the next one is a fresh one', async () => {
    const { pool } = hostilePool('process-pool', { max: 1, killGraceMs: 50 })
    const lease = await pool.acquire()
    const lost = errorOf(lease.sendRequest(JSON.stringify(SILENT)))
    lease.release()
    expect(await lost).toMatchObject({ code: 'ERR_DROVER_WORKER_DIED' })
    expect(lease.hasFailed).toBe(true)
    expect((await settled(pool.request(JSON.stringify(ANSWER)))).value).toBe('well')
  })
})

function bound(hostile: ReturnType<typeof hostilePool>) {
  return { pool: hostile.pool, ask: hostile.ask.bind(hostile) }
}
