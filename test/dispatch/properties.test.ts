import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Result } from '../../src/index.js'
import { unhandledDuring } from '../helpers/fake-time.js'
import { type Observed, Play } from './play.js'
import { type Scenario, scenario } from './scenario.js'

/** What must be so of every run, whatever came in between. */
function check(observed: Observed, { tasks, halt, timeoutMs, totalTimeoutMs, source }: Scenario): void {
  const {
    results,
    attempts,
    problems,
    startsOf,
    read,
    stoppedBy,
    left,
    summary,
    timersLeft,
    running,
    destroyed,
    cancelled,
  } = observed
  expect(problems).toEqual([])
  expect(running).toBe(0)
  expect(timersLeft).toBe(0)
  const indices = results.map(({ index }) => index).sort((a, b) => a - b)
  expect(new Set(indices).size).toBe(indices.length)
  const { total } = summary!
  expect(total).toBeGreaterThanOrEqual(results.length)
  if (!left) expect(indices).toEqual(Array.from({ length: total }, (_, n) => n))
  // A stopped run does not wait for what a slow source is about to give; a destroyed one reads nothing more at all.
  const wasStopped = stoppedBy !== null || summary!.halted !== null
  const mayMiss = destroyed ? read : source === 'slow generator' && wasStopped ? 1 : 0
  expect(read - total).toBeGreaterThanOrEqual(0)
  expect(read - total).toBeLessThanOrEqual(mayMiss)
  expect(Object.values(summary!.byState).reduce((sum, count) => sum + count, 0)).toBe(total)
  for (const result of results) {
    const own = attempts.filter(({ index }) => index === result.index).map(({ attempt }) => attempt)
    expect(own).toEqual(own.map((_, n) => n + 1))
    // Stopped while it waited for another try, the last one is its result.
    expect([own.length, own.length + 1]).toContain(Math.max(result.attempt, own.length))
    expect(result.attempt).toBeLessThanOrEqual(result.attempts)
    const wasEnded = wasStopped || cancelled.has(result.index)
    if (result.state === 'skipped') expect([wasEnded, result.attempt, result.startedAt]).toEqual([true, 0, null])
    if (result.state === 'cancelled') expect(wasEnded).toBe(true)
    if (result.state === 'skipped' || result.state === 'cancelled') expect(result.error).not.toBeNull()
    if (!wasEnded && result.state !== 'succeeded' && result.state !== 'invalid') {
      expect(result.attempt).toBe(result.attempts)
    }
  }
  const starts = [...startsOf.values()].reduce((sum, count) => sum + count, 0)
  const timed = timeoutMs > 0 || tasks.some((task) => (task.timeoutMs ?? 0) > 0)
  if (!timed) expect(results.some(({ state }) => state === 'timed-out')).toBe(false)
  if (!wasStopped && halt === 'never' && totalTimeoutMs === 0 && !left) {
    const isOver = ({ state }: Result) => state !== 'skipped' && state !== 'cancelled'
    expect(results.every((result) => isOver(result) || cancelled.has(result.index))).toBe(true)
    expect(starts).toBeGreaterThanOrEqual(
      results.filter(({ state }) => state !== 'invalid' && state !== 'skipped').length,
    )
  }
}

const RUNS = { numRuns: 400 }

describe('whatever happens to a run', () => {
  it('of a dispatcher: one result each, within the limits, in order of priority, and it ends', async () => {
    const unhandled = await unhandledDuring(() =>
      fc.assert(
        fc.asyncProperty(scenario, async (scenario) => {
          const observed = await new Play(scenario).dispatcher()
          // Indices count what was added.
          const tasks = scenario.tasks.filter(({ bad }) => !bad)
          check(observed, { ...scenario, tasks })
        }),
        RUNS,
      ),
    )
    expect(unhandled).toEqual([])
  })

  it('of dispatch(): one result each, within the limits, and it ends', async () => {
    const unhandled = await unhandledDuring(() =>
      fc.assert(
        fc.asyncProperty(scenario, async (scenario) => {
          check(await new Play(scenario).iteration(), scenario)
        }),
        RUNS,
      ),
    )
    expect(unhandled).toEqual([])
  })
})
