import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SmoothedRate } from '../../src/dispatch/smoothed-rate.js'

test('it begins as the plain mean', () => {
  const rate = new SmoothedRate()
  expect(rate.perSecond(0)).toBeNull()
  expect(rate.perSecond(1_000)).toBe(0)
  for (let n = 1; n <= 4; n++) rate.count(30_000 + n)
  expect(rate.perSecond(40_000)).toBeCloseTo(0.1)
})

test('what is steady is told as it is, however rare, whenever one looks', () => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 600_000, noNaN: true }), fc.nat(20), (everyMs, looks) => {
      const rate = new SmoothedRate()
      for (let n = 1; n <= 2_000; n++) {
        for (let look = 0; look < looks && everyMs > 1_000; look++) rate.perSecond((n - 1 + look / looks) * everyMs)
        rate.count(n * everyMs)
      }
      const perSecond = rate.perSecond(2_000 * everyMs)!
      expect(perSecond / (1_000 / everyMs)).toBeGreaterThan(0.9)
      expect(perSecond / (1_000 / everyMs)).toBeLessThan(1.15)
    }),
    { numRuns: 100 },
  )
})

test('it follows a change within half a minute', () => {
  const rate = new SmoothedRate()
  for (let ms = 0; ms < 60_000; ms += 10) rate.count(ms)
  expect(rate.perSecond(60_000)).toBeCloseTo(100, 0)
  for (let ms = 60_000; ms < 90_000; ms += 100) rate.count(ms)
  expect(rate.perSecond(90_000)).toBeLessThan(16)
})
