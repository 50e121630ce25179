import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ResultCounter } from '../../src/dispatch/progress.js'

describe('ResultCounter', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('counts by state', () => {
    const counter = new ResultCounter()
    counter.begin()
    for (const state of ['succeeded', 'failed', 'failed', 'skipped', 'invalid', 'cancelled'] as const)
      counter.count(state)
    expect(counter.done).toBe(6)
    expect(counter.byState).toMatchObject({ succeeded: 1, failed: 2, skipped: 1, invalid: 1, cancelled: 1, lost: 0 })
    expect(counter.failures).toBe(3)
  })

  it('knows no rate in the first second', () => {
    const counter = new ResultCounter()
    counter.begin()
    counter.count('succeeded')
    vi.advanceTimersByTime(999)
    expect(counter.ratePerSecond()).toBeNull()
    vi.advanceTimersByTime(1)
    expect(counter.ratePerSecond()).toBeCloseTo(1)
  })

  it('gives the rate of a steady stream', () => {
    const counter = new ResultCounter()
    counter.begin()
    for (let n = 0; n < 600; n++) {
      vi.advanceTimersByTime(100)
      counter.count('succeeded')
    }
    expect(counter.ratePerSecond()).toBeGreaterThan(9.5)
    expect(counter.ratePerSecond()).toBeLessThan(10.5)
  })

  it('knows no time left before there are three results, then what the rate says, and none when all is done', () => {
    const counter = new ResultCounter()
    counter.begin()
    const etaMs = (total: number | null) => counter.progress({ total, queued: 0, running: 0 }).etaMs
    for (const expected of [null, null, 30_000]) {
      vi.advanceTimersByTime(10_000)
      counter.count('succeeded')
      if (expected === null) expect(etaMs(6)).toBeNull()
      else expect(etaMs(6)! / expected).toBeCloseTo(1, 1)
    }
    expect([etaMs(null), etaMs(3)]).toEqual([null, 0])
  })

  it('forgets what was long ago', () => {
    const counter = new ResultCounter()
    counter.begin()
    for (let n = 0; n < 1_000; n++) counter.count('succeeded')
    vi.advanceTimersByTime(10_000)
    expect(counter.ratePerSecond()).toBeGreaterThan(50)
    vi.advanceTimersByTime(10_000)
    expect(counter.ratePerSecond()).toBeLessThan(40)
    vi.advanceTimersByTime(60_000)
    expect(counter.ratePerSecond()).toBeLessThan(1)
    vi.advanceTimersByTime(3_600_000)
    counter.count('succeeded')
    expect(counter.ratePerSecond()).toBeLessThan(1)
    expect(counter.done).toBe(1_001)
  })

  it('does not count the time in which its clock stands still, but what ends in it', () => {
    const counter = new ResultCounter()
    counter.begin()
    const work = (seconds: number) => {
      for (let n = 0; n < seconds; n++) {
        vi.advanceTimersByTime(1_000)
        counter.count('succeeded')
      }
    }
    work(20)
    const before = counter.ratePerSecond()!
    counter.standsStill = true
    counter.standsStill = true
    vi.advanceTimersByTime(3_600_000)
    expect(counter.ratePerSecond()).toBe(before)
    for (let n = 0; n < 5; n++) counter.count('succeeded')
    counter.standsStill = false
    counter.standsStill = false
    vi.advanceTimersByTime(5_000)
    // A little more, as after any results that have come all at once.
    expect(counter.ratePerSecond()).toBeLessThan(before * 1.2)
    work(60)
    expect(counter.ratePerSecond()).toBeCloseTo(before, 1)
    expect(counter.elapsedMs).toBe(3_685_000)
  })
})
