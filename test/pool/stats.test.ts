import { expect, it } from 'vitest'
import { until } from '../helpers/until.js'
import { errorOf, hostilePool, settled } from './support.js'

const ANSWER = { act: 'answer', text: 'well' }

it('counts add up: what was asked for is answered, rejected, on its way or waiting, at every moment', async () => {
  const { pool, ask } = bound(hostilePool('frames', { max: 2, killGraceMs: 100 }))
  let asked = 0
  const sumIsRight = () => {
    const { answered, rejected, inFlight, queued } = pool.stats()
    expect(answered + rejected + inFlight + queued).toBe(asked)
  }
  const controller = new AbortController()
  const all: Promise<unknown>[] = []
  for (let n = 0; n < 60; n++) {
    asked += 1
    const act = [ANSWER, { act: 'die', at: n % 20 }, { act: 'fail', text: 'no' }, { act: 'silent' }][n % 4]!
    const options = n % 4 === 3 ? { timeoutMs: 20 } : n % 12 === 0 ? { signal: controller.signal } : {}
    all.push(
      ask(act, options)
        .finally(sumIsRight)
        .catch(() => {}),
    )
    sumIsRight()
  }
  setTimeout(() => controller.abort(), 100)
  await settled(Promise.all(all))
  sumIsRight()
  expect(pool.stats()).toMatchObject({ inFlight: 0, queued: 0 })
})

it('latencies and utilisation are those of what was answered', async () => {
  const { pool, ask } = bound(hostilePool('frames', { max: 1 }))
  expect(pool.stats()).toMatchObject({ utilisation: 0, durationMs: { count: 0, p99: 0 }, queuedMs: { count: 0 } })
  const answers = await settled(Promise.all([1, 2, 3].map(() => ask({ act: 'slow', text: 'x'.repeat(50) }))))
  const { utilisation, durationMs, queuedMs, answered } = pool.stats()
  expect(answered).toBe(3)
  expect(utilisation).toBeGreaterThan(0.5)
  expect(utilisation).toBeLessThanOrEqual(1)
  for (const [latency, name] of [
    [durationMs, 'durationMs'],
    [queuedMs, 'queuedMs'],
  ] as const) {
    const { count, min, mean, p50, p95, p99, max } = latency
    const times = answers.map((answer) => answer[name]).sort((a, b) => a - b)
    expect(count).toBe(3)
    expect([...[min, p50, p95, p99, max]].every((value, n, all) => n === 0 || value >= all[n - 1]!)).toBe(true)
    // The histogram keeps three digits.
    expect(Math.abs(min! - times[0]!)).toBeLessThan(0.5 + times[0]! * 0.01)
    expect(Math.abs(max - times[2]!)).toBeLessThan(0.01 * times[2]! + 1)
    expect(mean).toBeGreaterThanOrEqual(min)
    expect(mean).toBeLessThanOrEqual(max)
  }
})

it('a lease is running also with nothing to do, and a worker is starting until it is ready', async () => {
  const { pool } = hostilePool('frames', { max: 2 })
  const asked = pool.acquire()
  expect(pool.stats()).toMatchObject({ starting: 1, running: 0, queued: 1 })
  const lease = await settled(asked)
  expect(pool.stats()).toMatchObject({ starting: 0, running: 1, queued: 0, spare: 0 })
  lease.release()
  expect(pool.stats()).toMatchObject({ running: 0, spare: 1 })
})

it("a health check that is a request of the protocol is nobody's", async () => {
  const health = { healthCheckMs: 1, checkIntervalMs: 10, healthTimeoutMs: 20_000, healthRequest: '{"act":"silent"}' }
  const { pool } = hostilePool('lines', { min: 1, max: 1, ...health })
  await until('it is checked', () => pool.stats().running === 1)
  expect(pool.stats()).toMatchObject({ spare: 0, inFlight: 0, queued: 0, answered: 0 })
})

it('what is refused at once is counted nowhere but as rejected', async () => {
  const { pool, ask } = bound(hostilePool('frames', { max: 1, maxQueue: 1 }))
  const taken = ask(ANSWER)
  expect(await errorOf(ask(ANSWER))).toMatchObject({ code: 'ERR_DROVER_EXHAUSTED' })
  expect(pool.stats()).toMatchObject({ queued: 1, rejected: 1, answered: 0, inFlight: 0 })
  await settled(taken)
})

function bound(hostile: ReturnType<typeof hostilePool>) {
  return { pool: hostile.pool, ask: hostile.ask.bind(hostile) }
}
