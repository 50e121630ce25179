import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Pace } from '../../src/launcher/ssh/pace.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

function trip(pace: Pace, ms: number): void {
  const question = pace.ask()
  vi.advanceTimersByTime(ms)
  pace.onAnswer(question)
}

/** Tasks end one after the other, all after the same time. */
function end(pace: Pace, count: number, durationMs: number): void {
  for (let n = 0; n < count; n++) {
    vi.advanceTimersByTime(durationMs)
    pace.onEnd(durationMs)
  }
}

it('sends nothing ahead before it is known how far it is and how long tasks take', () => {
  const pace = new Pace()
  expect(pace.ahead(4)).toBe(0)
  trip(pace, 100)
  expect(pace.tripMs).toBe(100)
  expect(pace.ahead(4)).toBe(0)
  pace.onEnd(50)
  expect(pace.ahead(4)).toBeGreaterThan(0)
})

it('has as many on their way as end in the time of a trip, and some more', () => {
  const pace = new Pace()
  trip(pace, 100)
  end(pace, 10, 20)
  for (const places of [1, 2, 8]) {
    expect(pace.ahead(places)).toBeGreaterThanOrEqual(places * 5)
    expect(pace.ahead(places)).toBeLessThanOrEqual(places * 5 * 2)
  }
})

it('sends few ahead of tasks that are as long as a trip, and none of those that are far longer', () => {
  const pace = new Pace()
  trip(pace, 100)
  end(pace, 60, 100)
  expect(pace.ahead(1)).toBe(2)
  end(pace, 60, 60_000)
  expect(pace.ahead(1)).toBe(0)
  expect(pace.ahead(100)).toBe(0)
})

it('has a limit, however short tasks are', () => {
  const pace = new Pace()
  trip(pace, 1_000)
  end(pace, 10, 0)
  expect(pace.ahead(2)).toBeLessThanOrEqual(100)
})

it('notices that tasks have become longer before one of them has ended', () => {
  const pace = new Pace()
  trip(pace, 100)
  end(pace, 10, 10)
  const before = pace.ahead(2)
  vi.advanceTimersByTime(100)
  expect(pace.ahead(2)).toBeLessThan(before / 5)
  vi.advanceTimersByTime(60_000)
  expect(pace.ahead(2)).toBe(0)
})

it('takes the shortest trip for the way, and the rest for waiting', () => {
  const pace = new Pace()
  trip(pace, 40)
  trip(pace, 400)
  expect(pace.tripMs).toBeLessThan(100)
  trip(pace, 30)
  expect(pace.tripMs).toBe(30)
})

it('takes no answer for that to another question', () => {
  const pace = new Pace()
  const question = pace.ask()
  pace.onAnswer(question + 1)
  expect(pace.tripMs).toBe(0)
  expect(pace.ask()).toBe(0)
  pace.onAnswer(0)
  expect(pace.tripMs).toBe(0)
})
