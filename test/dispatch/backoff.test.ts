import { describe, expect, it } from 'vitest'
import { backoffMs, MAX_BACKOFF_MS } from '../../src/dispatch/backoff.js'

const ALMOST_ONE = 1 - 2 ** -53

describe('backoffMs', () => {
  it('doubles with each attempt, up to a minute', () => {
    const most = [1, 2, 3, 4, 5, 6, 7, 8, 100, 10_000].map((attempt) => backoffMs(1_000, attempt, () => ALMOST_ONE))
    const expected = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]
    for (const [n, ms] of most.entries()) expect(ms).toBeCloseTo(expected[n]!, 3)
    expect(MAX_BACKOFF_MS).toBe(60_000)
  })

  it('is spread evenly from 0: full jitter', () => {
    expect([0, 0.25, 0.5].map((random) => backoffMs(1_000, 3, () => random))).toEqual([0, 1_000, 2_000])
    const waits = Array.from({ length: 4_000 }, () => backoffMs(1_000, 1))
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...waits)).toBeLessThan(1_000)
    for (let quarter = 0; quarter < 4; quarter++) {
      const within = waits.filter((ms) => ms >= quarter * 250 && ms < (quarter + 1) * 250)
      expect(within.length).toBeGreaterThan(800)
    }
  })

  it('is nothing when nothing was asked for', () => {
    expect(backoffMs(0, 5, () => ALMOST_ONE)).toBe(0)
  })

  it('takes a base longer than a minute for the most', () => {
    expect(backoffMs(120_000, 4, () => 0.5)).toBe(60_000)
  })
})
