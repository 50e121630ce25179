import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../../../src/fleet/trust/canonical.js'

describe('canonicalJson', () => {
  it('is the form of RFC 8785', () => {
    // The example of the RFC, section 3.2.2.
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    }
    expect(canonicalJson(value)).toBe(
      `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA'B\\"\\\\\\\\\\"/"}`,
    )
  })

  it('sorts names by their UTF-16 units', () => {
    // The example of section 3.2.3.
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    }
    const names = Object.values(JSON.parse(canonicalJson(value)))
    const found = [...canonicalJson(value).matchAll(/:"([^"]+)"/g)].map((match) => match[1])
    expect(found).toEqual([
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ])
    expect(names).toHaveLength(7)
  })

  it('is the same before and after JSON, and in whatever order the members come', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ noUnicodeString: false }),
        fc.constantFrom(undefined, Number.NaN, -0),
        (value, odd) => {
          const given = {
            value,
            odd,
            list: [odd],
            date: new Date(0),
            bytes: new Uint8Array([1, 2]),
            buffer: Buffer.from('a'),
          }
          const received = JSON.parse(JSON.stringify(given))
          expect(canonicalJson(received)).toBe(canonicalJson(given))
          expect(canonicalJson(reversed(received))).toBe(canonicalJson(given))
          expect(JSON.parse(canonicalJson(given))).toEqual(received)
        },
      ),
    )
  })

  it('takes no member for another, whatever its name', () => {
    expect(canonicalJson(JSON.parse('{"__proto__":{"a":1},"toJSON":2}'))).toBe('{"__proto__":{"a":1},"toJSON":2}')
    expect(canonicalJson('\ud800')).toBe('"\\ud800"')
  })

  it('refuses what JSON has no form for', () => {
    const itself: unknown[] = []
    itself.push(itself)
    expect(() => canonicalJson(undefined)).toThrow(TypeError)
    expect(() => canonicalJson({ a: 1n })).toThrow(TypeError)
    expect(() => canonicalJson(itself)).toThrow(RangeError)
  })
})

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  )
}
