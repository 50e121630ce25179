import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ShortMap } from '../../src/pool/short-map.js'

test('whatever is added and deleted, it holds what a Map holds, in the same order', () => {
  const steps = fc.array(fc.record({ add: fc.boolean(), number: fc.integer({ min: 1, max: 8 }), value: fc.string() }))
  fc.assert(
    fc.property(steps, (all) => {
      const map = new Map<number, string>()
      const short = new ShortMap<string>()
      for (const { add, number, value } of all) {
        if (!add) {
          expect(short.delete(number)).toBe(map.delete(number))
        } else if (!map.has(number)) {
          map.set(number, value)
          short.add(number, value)
        }
        expect(short.get(number)).toBe(map.get(number))
        expect(short.size).toBe(map.size)
        expect(short.values()).toEqual([...map.values()])
      }
    }),
  )
})

test('what is deleted while the values are gone through is still gone through', () => {
  const short = new ShortMap<string>()
  for (const [number, value] of [...'abc'].entries()) short.add(number, value)
  const seen: string[] = []
  for (const value of short.values()) {
    seen.push(value)
    short.delete(1)
  }
  expect(seen).toEqual(['a', 'b', 'c'])
  expect(short.values()).toEqual(['a', 'c'])
})
