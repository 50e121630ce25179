import fc from 'fast-check'
import { expect, test } from 'vitest'
import { count } from '../../src/output/count.js'

test('a whole number is written as people who read English write it', () => {
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -10_000, max: 10_000 })), (number) => {
      expect(count(number)).toBe(number.toLocaleString('en'))
    }),
  )
})
