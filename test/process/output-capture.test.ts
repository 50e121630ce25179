import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OutputCapture } from '../../src/process/output-capture.js'

/** Cuts bytes into chunks of these sizes, over and over. */
function chunksOf(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let start = 0, n = 0; start < bytes.length; n++) {
    const size = sizes[n % sizes.length]!
    chunks.push(Buffer.from(bytes.subarray(start, start + size)))
    start += size
  }
  return chunks
}

const captureOf = (bytes: Buffer, limit: number, sizes: readonly number[] = [bytes.length || 1]) => {
  const capture = new OutputCapture(limit)
  for (const chunk of chunksOf(bytes, sizes)) capture.append(chunk)
  return capture
}

/** The longest whole characters from one end that fit. */
function charactersWithin(text: string, bytes: number, fromEnd: boolean): string {
  const characters = fromEnd ? [...text].reverse() : [...text]
  const kept: string[] = []
  let size = 0
  for (const character of characters) {
    size += Buffer.byteLength(character)
    if (size > bytes) break
    kept.push(character)
  }
  return (fromEnd ? kept.reverse() : kept).join('')
}

function isCutOf(kept: Buffer, whole: Buffer, seam: number): boolean {
  if (!isUtf8(kept)) return false
  const missing = whole.length - kept.length
  const cuts = Array.from({ length: missing + 1 }, (_, n) => n).filter((n) => n <= 3 && missing - n <= 3)
  return cuts.some((n) => kept.equals(Buffer.concat([whole.subarray(0, seam - n), whole.subarray(seam + missing - n)])))
}

const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9_000 })), {
  minLength: 1,
  maxLength: 5,
})
const utf8 = fc.string({ unit: fc.constantFrom('a', '\n', 'é', '漢', '🎉', '\ufffd'), maxLength: 400 })

describe('OutputCapture', () => {
  it('holds all up to the limit, else half of it from the beginning and half from the end, however it came', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(300), sizes, (array, limit, sizes) => {
        const bytes = Buffer.from(array)
        const capture = captureOf(bytes, limit, sizes)
        const [head, tail] = [Math.ceil(limit / 2), Math.floor(limit / 2)]
        const kept = capture.bytes()
        if (bytes.length <= limit) expect(kept.equals(bytes)).toBe(true)
        else {
          const whole = Buffer.concat([bytes.subarray(0, head), bytes.subarray(bytes.length - tail)])
          // Where both halves are UTF-8, the rest of a character that was cut is left out at the seam.
          expect(kept.equals(whole) || isCutOf(kept, whole, head)).toBe(true)
        }
        expect(capture.total).toBe(bytes.length)
        expect(capture.truncated).toBe(bytes.length > limit)
      }),
      { numRuns: 500 },
    )
  })

  it('does so for large chunks as well', () => {
    const bytes = Buffer.alloc(300_000, 'abcdefghijklmnopqrstuvw')
    fc.assert(
      fc.property(sizes, fc.constantFrom(0, 1, 65_536, 131_071, 299_999, 300_000, 300_001), (sizes, limit) => {
        const kept = captureOf(bytes, limit, sizes).bytes()
        expect(kept.length).toBe(Math.min(limit, bytes.length))
        const head = Math.min(bytes.length, Math.ceil(limit / 2))
        expect(kept.subarray(0, head).equals(bytes.subarray(0, head))).toBe(true)
        const tail = kept.length - head
        expect(kept.subarray(head).equals(bytes.subarray(bytes.length - tail))).toBe(true)
      }),
      { numRuns: 25 },
    )
  })

  it('cuts text between characters, and never makes U+FFFD of what was UTF-8', () => {
    fc.assert(
      fc.property(utf8, fc.nat(300), sizes, (text, limit, sizes) => {
        const bytes = Buffer.from(text)
        const kept =
          bytes.length <= limit
            ? text
            : charactersWithin(text, Math.ceil(limit / 2), false) + charactersWithin(text, Math.floor(limit / 2), true)
        expect(captureOf(bytes, limit, sizes).text()).toEqual({ text: kept })
      }),
      { numRuns: 500 },
    )
  })

  it('keeps the exact bytes beside the text where they are not UTF-8', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 50 }), sizes, (array, sizes) => {
        const bytes = Buffer.from(array)
        const { text, base64 } = captureOf(bytes, 1_000, sizes).text()
        expect(text).toBe(bytes.toString())
        if (Buffer.from(text).equals(bytes)) expect(base64).toBeUndefined()
        else expect(Buffer.from(base64!, 'base64').equals(bytes)).toBe(true)
      }),
    )
  })

  it('takes characters that came in two chunks for what they are', () => {
    const capture = new OutputCapture(100)
    for (const byte of Buffer.from('é漢🎉')) capture.append(Buffer.from([byte]))
    expect(capture.text()).toEqual({ text: 'é漢🎉' })
  })

  it('keeps nothing but the count with limit 0', () => {
    const capture = captureOf(Buffer.from('abc'), 0)
    expect([capture.text(), capture.bytes().length, capture.total, capture.truncated]).toEqual([
      { text: '' },
      0,
      3,
      true,
    ])
  })

  it('is not truncated when nothing came', () => {
    expect([new OutputCapture(0).truncated, new OutputCapture(5).truncated]).toEqual([false, false])
  })

  it('can be looked at while it goes on', () => {
    const capture = new OutputCapture(10)
    capture.append(Buffer.from('ab'))
    expect(capture.bytes().toString()).toBe('ab')
    capture.append(Buffer.from('cd'))
    expect(capture.text()).toEqual({ text: 'abcd' })
    capture.append(Buffer.from('efghijklmnop'))
    expect(capture.text()).toEqual({ text: 'abcdelmnop' })
    capture.append(Buffer.from('q'))
    expect(capture.text()).toEqual({ text: 'abcdemnopq' })
  })
})
