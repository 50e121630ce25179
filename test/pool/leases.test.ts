import { describe, expect, it } from 'vitest'
import type { ProcessPool } from '../../src/index.js'
import { isAlive } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { errorOf, hostilePool, PROTOCOLS, settled } from './support.js'

const ANSWER = { act: 'answer', text: 'well' }
const told = (act: Record<string, unknown>) => JSON.stringify(act)

describe.each(PROTOCOLS)('a lease of a worker that talks %s', (protocol) => {
  it('is given back at the end of its block, also when that throws', async () => {
    const { pool } = hostilePool(protocol, { max: 1 })
    const use = async () => {
      await using lease = await pool.acquire()
      expect((await lease.sendRequest(told(ANSWER))).value).toBe('well')
      throw new Error('in the block')
    }
    expect((await errorOf(use())).message).toBe('in the block')
    expect(pool.stats()).toMatchObject({ running: 0, spare: 1 })
    const lease = await pool.acquire()
    await lease[Symbol.asyncDispose]()
    await lease[Symbol.asyncDispose]()
    expect(pool.stats()).toMatchObject({ running: 0, spare: 1, started: 1 })
  })

  it('released twice, or when its worker has died, gives nothing back twice', async () => {
    const { pool } = hostilePool(protocol, { max: 2 })
    const first = await settled(pool.acquire())
    expect(await errorOf(first.sendRequest(told({ act: 'die', at: 0, code: 5 })))).toMatchObject({ exitCode: 5 })
    expect(first.hasFailed).toBe(true)
    expect(await errorOf(first.sendRequest(told(ANSWER)))).toMatchObject({ code: 'ERR_DROVER_WORKER_DIED' })
    first.release()
    const second = await settled(pool.acquire())
    first.release()
    second.release()
    second.release()
    expect(await errorOf(second.sendRequest(told(ANSWER)))).toMatchObject({ code: 'ERR_DROVER_RELEASED' })
    const [a, b] = await settled(Promise.all([pool.acquire(), pool.acquire()]))
    expect(a.pid).not.toBe(b.pid)
    expect(pool.stats().running).toBe(2)
    a.release()
    b.release()
  })

  it('marked as failed has its worker replaced', async () => {
    const { pool, ask } = bound(hostilePool(protocol, { max: 1 }))
    const lease = await pool.acquire()
    const { pid } = lease
    lease.markAsFailed()
    expect(lease.hasFailed).toBe(true)
    lease.release()
    expect((await settled(ask(ANSWER))).pid).not.toBe(pid)
    await until('the old one is gone', () => !isAlive(pid!))
  })

  it('everybody who waits for output is told, also when the time of another is over', async () => {
    const { pool } = hostilePool(protocol, { max: 1 })
    await using lease = await pool.acquire()
    expect(await lease.waitForOutput()).toBe(false)
    const silent = lease.sendRequest(told({ act: 'silent' }), { timeoutMs: 300 })
    const waits = [lease.waitForOutput({ timeoutMs: 10 }), lease.waitForOutput(), lease.waitForOutput()]
    expect(await errorOf(silent)).toMatchObject({ code: 'ERR_DROVER_TIMEOUT' })
    expect(await settled(Promise.all(waits))).toEqual([false, true, true])
    expect(await lease.waitForOutput()).toBe(true)
  })

  it('all who wait are told of the first output', async () => {
    const { pool } = hostilePool(protocol, { max: 1 })
    await using lease = await pool.acquire()
    const asked = lease.sendRequest(told({ act: 'slow', text: 'x'.repeat(300), stderr: 'begun' }))
    expect(await settled(Promise.all([lease.waitForOutput(), lease.waitForOutput()]))).toEqual([true, true])
    expect(lease.stderr).toBe('begun')
    expect((await asked).stderr).toBe('begun')
  })

  it('held when the pool is closed can be used until it is released, and not taken any more', async () => {
    const hostile = hostilePool(protocol, { max: 1 })
    const lease = await hostile.pool.acquire()
    const closed = hostile.pool.close()
    expect(await errorOf(hostile.pool.acquire())).toMatchObject({ code: 'ERR_DROVER_CLOSED' })
    for (let n = 0; n < 2; n++) expect((await settled(lease.sendRequest(told(ANSWER)))).value).toBe('well')
    expect(isAlive(lease.pid!)).toBe(true)
    lease.release()
    await settled(closed)
    expect(hostile.processes).toEqual([])
  })

  it('held when the pool is destroyed has failed, and so has its request', async () => {
    const { pool } = hostilePool(protocol, { max: 1 })
    const lease = await pool.acquire()
    const asked = errorOf(lease.sendRequest(told({ act: 'silent' })))
    const waiting = errorOf(pool.acquire())
    await settled(pool.destroy({ graceMs: 0 }))
    expect(await asked).toMatchObject({ code: 'ERR_DROVER_CLOSED' })
    expect(await waiting).toMatchObject({ code: 'ERR_DROVER_CLOSED' })
    expect(lease.hasFailed).toBe(true)
    lease.release()
    expect(pool.stats()).toMatchObject({ running: 0, spare: 0, starting: 0, leaving: 0 })
  })
})

describe('a lease', () => {
  it('is waited for in order and by priority, and can be given up', async () => {
    const { pool } = hostilePool('frames', { max: 1 })
    const first = await pool.acquire()
    const order: string[] = []
    const take = async (name: string, priority: number) => {
      await using _ = await pool.acquire({ priority })
      order.push(name)
    }
    const controller = new AbortController()
    const givenUp = errorOf(pool.acquire({ signal: controller.signal }))
    const all = [take('low', -1), take('first', 0), take('second', 0), take('high', 1)]
    controller.abort(new Error('enough'))
    expect((await givenUp).message).toBe('enough')
    expect((await errorOf(pool.acquire({ signal: controller.signal }))).message).toBe('enough')
    first.release()
    await settled(Promise.all(all))
    expect(order).toEqual(['high', 'first', 'second', 'low'])
  })

  it('of frames can go on when a request was given up that its worker answers then', async () => {
    const { pool } = hostilePool('frames', { max: 1, killGraceMs: 20_000 })
    await using lease = await pool.acquire()
    const slow = lease.sendRequest(told({ act: 'slow', text: 'x'.repeat(100) }), { timeoutMs: 20 })
    expect(await errorOf(slow)).toMatchObject({ code: 'ERR_DROVER_TIMEOUT' })
    const { value, pid } = await settled(lease.sendRequest(told(ANSWER)))
    expect({ value, pid }).toEqual({ value: 'well', pid: lease.pid })
  })

  it('takes the only worker, so that with exhausted: throw there is nothing to be had', async () => {
    const { pool, ask } = bound(hostilePool('frames', { max: 1, exhausted: 'throw' }))
    const lease = await pool.acquire()
    expect(await errorOf(pool.acquire())).toMatchObject({ code: 'ERR_DROVER_EXHAUSTED' })
    expect(await errorOf(ask(ANSWER))).toMatchObject({ code: 'ERR_DROVER_EXHAUSTED' })
    lease.release()
    expect((await settled(ask(ANSWER))).value).toBe('well')
  })

  it('of a pool that was destroyed is refused for that', async () => {
    const { pool } = bound(hostilePool('frames', { max: 1 }))
    const lease = await settled(pool.acquire())
    await pool.destroy({ graceMs: 0 })
    expect(lease.hasFailed).toBe(true)
    expect(await errorOf(lease.sendRequest('x'))).toMatchObject({ name: 'ClosedError', code: 'ERR_DROVER_CLOSED' })
    lease.release()
  })

  it('needs a whole worker: with exhausted: throw the rest of one that is at something will not do', async () => {
    const { pool, ask } = bound(hostilePool('frames', { max: 1, pipeline: 4, exhausted: 'throw' }))
    await settled(ask(ANSWER))
    const slow = ask({ act: 'slow', text: 'slow' })
    expect(await errorOf(pool.acquire())).toMatchObject({ code: 'ERR_DROVER_EXHAUSTED' })
    expect((await settled(Promise.all([slow, ask(ANSWER)]))).map(({ value }) => value)).toEqual(['slow', 'well'])
    const lease = await settled(pool.acquire())
    lease.release()
  })
})

function bound(hostile: { pool: ProcessPool; ask: ReturnType<typeof hostilePool>['ask'] }) {
  return { pool: hostile.pool, ask: hostile.ask.bind(hostile) }
}
