import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FingerprintTable, fingerprint, fingerprintOfDigest } from '../../src/task/fingerprints.js'

describe('FingerprintTable', () => {
  it('is a Map of fingerprints', () => {
    // Few different values, so that they meet, also in the bits that choose the place.
    const half = fc.constantFrom(0, 1, 2, 16, 17, 2 ** 31, 2 ** 32 - 1)
    const mark = fc.tuple(half, half).filter(([high, low]) => high !== 0 || low !== 0)
    const step = fc.record({ mark, value: fc.integer(), write: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.constantFrom(1, 16, 1024), (steps, capacity) => {
        const table = new FingerprintTable(capacity)
        const map = new Map<string, number>()
        for (const { mark, value, write } of steps) {
          const [high, low] = mark
          if (write) {
            expect(table.set({ high, low }, value)).toBe(map.get(`${high},${low}`))
            map.set(`${high},${low}`, value)
          } else expect(table.get({ high, low })).toBe(map.get(`${high},${low}`))
          expect(table.size).toBe(map.size)
        }
      }),
    )
  })

  it('keeps all of 100,000 entries while it grows', () => {
    const table = new FingerprintTable()
    const marks = Array.from({ length: 100_000 }, (_, n) => fingerprint(`entry ${n}`))
    expect(marks.every((mark, n) => table.set(mark, n) === undefined)).toBe(true)
    expect(table.size).toBe(100_000)
    expect(marks.every((mark, n) => table.get(mark) === n)).toBe(true)
    expect(table.get(fingerprint('another'))).toBeUndefined()
  })

  it('holds every number that a position can be', () => {
    const table = new FingerprintTable()
    for (const value of [0, -1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      table.set(fingerprint('a'), value)
      expect(table.get(fingerprint('a'))).toBe(value)
    }
  })
})

describe('fingerprint', () => {
  it('is the same for a string and its bytes', () => {
    expect(fingerprint('é')).toEqual(fingerprint(Buffer.from('é')))
    expect(fingerprint('a')).not.toEqual(fingerprint('b'))
  })

  it('is never the mark of an empty place', () => {
    const { high, low } = fingerprintOfDigest(Buffer.alloc(32))
    expect(high !== 0 || low !== 0).toBe(true)
  })
})
