import { describe, expect, it } from 'vitest'
import { limit } from '../../src/fleet/limits.js'
import { fleetOn, KINDS, linesIn } from './fleet-on.js'

/** The most that ran at once, of tasks that log a plus and a minus. */
const mostAtOnce = (file: string) => {
  let [running, most] = [0, 0]
  for (const line of linesIn(file)) {
    running += line === '+' ? 1 : -1
    most = Math.max(most, running)
  }
  return most
}
const logging = (file: string, count: number) =>
  Array.from({ length: count }, () => `echo + >> ${file}; sleep 0.05; echo - >> ${file}`)

describe.each(KINDS)('limits of a fleet on %s', (kind) => {
  const fleet = fleetOn(kind)

  it('runs no more at once on all workers together than the limit says', async () => {
    fleet.newQueue()
    await limit({ queue: fleet.queue, concurrency: 2 })
    await Promise.all([fleet.worker(), fleet.worker()])
    const file = fleet.file()
    expect((await fleet.run(logging(file, 12))).every(({ state }) => state === 'succeeded')).toBe(true)
    expect(mostAtOnce(file)).toBeLessThanOrEqual(2)
    expect(await limit({ queue: fleet.queue, concurrency: null })).toEqual({ concurrency: null, rate: null })
  })

  it('keeps the limit of a tag on all workers together, and runs others meanwhile', async () => {
    fleet.newQueue()
    expect(await limit({ queue: fleet.queue, tag: 'few', concurrency: 1 })).toEqual({ concurrency: 1, rate: null })
    await Promise.all([fleet.worker(), fleet.worker()])
    const file = fleet.file()
    const few = fleet.run(logging(file, 6), { tag: 'few' })
    expect(await fleet.run(['echo free'], { tag: 'other' })).toMatchObject([{ state: 'succeeded' }])
    expect((await few).every(({ state }) => state === 'succeeded')).toBe(true)
    expect(linesIn(file)).toHaveLength(12)
    expect(mostAtOnce(file)).toBe(1)
  })

  it('keeps the rate of a tag', async () => {
    fleet.newQueue()
    await limit({ queue: fleet.queue, tag: 'slow', rate: { max: 2, perMs: 500 } })
    await fleet.worker()
    const results = await fleet.run(
      Array.from({ length: 6 }, () => 'true'),
      { tag: 'slow' },
    )
    const starts = results.map(({ startedAt }) => Date.parse(startedAt!)).sort((a, b) => a - b)
    // Two in each half second: the last two are two of those after the first.
    expect(starts[5]! - starts[0]!).toBeGreaterThan(700)
  })

  it('keeps slots on the server whose name begins with that of the queue', async () => {
    fleet.newQueue()
    const name = new URL(fleet.queue).searchParams.get('queue')
    await limit({ queue: fleet.queue, tag: 'licences', concurrency: 2 })
    await Promise.all([fleet.worker({ slots: `${name}/licences` }), fleet.worker({ slots: `${name}/licences` })])
    const file = fleet.file()
    expect((await fleet.run(logging(file, 10))).every(({ state }) => state === 'succeeded')).toBe(true)
    expect(mostAtOnce(file)).toBeLessThanOrEqual(2)
  })
})
