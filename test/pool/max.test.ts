import { describe, expect, it } from 'vitest'
import type { ProcessPool, RequestOptions } from '../../src/index.js'
import { isAlive } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { type Act, errorOf, hostilePool, settled } from './support.js'

const ANSWER = { act: 'answer', text: 'well' }
const SLOW = { act: 'slow', text: 'well' }
const SILENT = { act: 'silent' }

describe('pool.max', () => {
  it('raised: what waits gets workers at once', async () => {
    const { pool, ask } = bound(hostilePool('frames', { max: 1 }))
    await settled(ask(ANSWER))
    const answers = [SLOW, SLOW, SLOW, SLOW].map((act) => ask(act))
    expect(pool.stats()).toMatchObject({ running: 1, starting: 0, queued: 3 })
    pool.max = 4
    expect(pool.max).toBe(4)
    expect(pool.stats()).toMatchObject({ running: 1, starting: 3 })
    await settled(Promise.all(answers))
    expect(pool.stats().started).toBe(4)
  })

  it('lowered: those with nothing to do exit, those that are busy when they have answered', async () => {
    const { pool, ask, hostile } = bound(hostilePool('frames', { max: 4 }))
    await startAll(pool)
    const busy = [ask(SLOW), ask(SLOW)]
    pool.max = 1
    await until('the idle ones are gone', () => hostile.processes.length <= 2)
    const pids = (await settled(Promise.all(busy))).map(({ pid }) => pid)
    await until('one is left', () => pids.filter(isAlive).length === 1 && pool.stats().leaving === 0)
    const [left] = pids.filter(isAlive)
    expect((await settled(ask(ANSWER))).pid).toBe(left)
    expect(pool.stats()).toMatchObject({ spare: 1, started: 4, rejected: 0 })
  })

  it('lowered and raised again: those that are still busy stay', async () => {
    const { pool, ask } = bound(hostilePool('frames', { max: 3 }))
    await startAll(pool)
    const answers = [SLOW, SLOW, SLOW].map((act) => ask(act))
    expect(pool.stats().inFlight).toBe(3)
    pool.max = 1
    pool.max = 3
    await settled(Promise.all(answers))
    await settled(Promise.all([SLOW, SLOW, SLOW].map((act) => ask(act))))
    expect(pool.stats()).toMatchObject({ started: 3, spare: 3 })
  })

  it('lowered: one that dies makes room for one that was too many', async () => {
    const { pool, ask } = bound(hostilePool('frames', { max: 3, killGraceMs: 50 }))
    await startAll(pool)
    const slow = [ask(SLOW), ask(SLOW)]
    const silent = errorOf(ask(SILENT, { timeoutMs: 1 }))
    expect(pool.stats().inFlight).toBe(3)
    pool.max = 2
    expect(await silent).toMatchObject({ code: 'ERR_DROVER_TIMEOUT' })
    await settled(Promise.all(slow))
    expect((await settled(ask(ANSWER))).value).toBe('well')
    await until('none is too many', () => pool.stats().running + pool.stats().spare <= 2)
    expect((await settled(ask(ANSWER))).value).toBe('well')
  })

  it('a lease that is one too many keeps its worker until it is released', async () => {
    const { pool } = hostilePool('frames', { max: 2 })
    const leases = await Promise.all([pool.acquire(), pool.acquire()])
    pool.max = 1
    for (const lease of leases) {
      expect((await settled(lease.sendRequest(JSON.stringify(ANSWER)))).value).toBe('well')
      lease.release()
    }
    await until('one is left', () => pool.stats().spare === 1 && pool.stats().leaving === 0)
  })

  it('maxSpare follows: as it was given, as far as it goes, or all', () => {
    const { pool } = hostilePool('frames', { max: 8, maxSpare: Number.POSITIVE_INFINITY })
    pool.max = 20
    expect(pool.max).toBe(20)
  })

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '3'])('refuses %s', (max) => {
    const { pool } = hostilePool('frames', { max: 2 })
    expect(() => {
      pool.max = max as number
    }).toThrow(expect.objectContaining({ code: 'ERR_DROVER_OPTION' }))
    expect(pool.max).toBe(2)
  })

  it('refuses less than min', () => {
    const { pool } = hostilePool('frames', { min: 2, max: 3 })
    expect(() => {
      pool.max = 1
    }).toThrow('min: expected at most max, which is 1, not 2')
  })
})

describe('onOutput', () => {
  it('gets what is printed as it comes, beside what the answer keeps', async () => {
    const { ask } = bound(hostilePool('process-pool'))
    const pieces: string[] = []
    const act = { act: 'answer', text: 'one', stderr: 'complaint' }
    const { stdout, stderr } = await ask(act, { onOutput: (stream, chunk) => pieces.push(`${stream}: ${chunk}`) })
    expect({ stdout, stderr }).toEqual({ stdout: 'one', stderr: 'complaint' })
    expect(pieces.sort()).toEqual(['stderr: complaint', 'stdout: one'])
  })

  it('that throws rejects the request, and nothing else', async () => {
    const { ask } = bound(hostilePool('process-pool', { killGraceMs: 50 }))
    const onOutput = () => {
      throw new RangeError('not today')
    }
    expect(await errorOf(ask({ ...ANSWER, stderr: 'x' }, { onOutput }))).toMatchObject({ message: 'not today' })
    expect((await settled(ask(ANSWER))).value).toBe('well')
    expect(await errorOf(ask(ANSWER, { onOutput: 3 as never }))).toMatchObject({ code: 'ERR_DROVER_OPTION' })
  })
})

/** As many workers as there may be. */
async function startAll(pool: ProcessPool): Promise<void> {
  const leases = await settled(Promise.all(Array.from({ length: pool.max }, () => pool.acquire())))
  for (const lease of leases) lease.release()
}

function bound(hostile: ReturnType<typeof hostilePool>) {
  return { hostile, pool: hostile.pool, ask: (act: Act, options: RequestOptions = {}) => hostile.ask(act, options) }
}
