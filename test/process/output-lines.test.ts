import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OutputLines } from '../../src/process/output-lines.js'

const KIB = 1024
const asText = (sofar = '') => new OutputLines<string>(true, () => Buffer.from(sofar))
const all = async <L>(lines: AsyncIterable<L>): Promise<L[]> => {
  const found: L[] = []
  for await (const line of lines) found.push(line)
  return found
}
const isSettled = async (promise: unknown) =>
  Promise.race([Promise.resolve(promise).then(() => true), new Promise((resolve) => setImmediate(resolve, false))])

describe('OutputLines', () => {
  it('gives the lines of any text, however it came', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '\n', '\r', '🎉'), maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), async (text, sizes) => {
        const lines = asText()
        const found = all(lines)
        const bytes = Buffer.from(text)
        for (let start = 0, n = 0; start < bytes.length; n++) {
          const size = sizes[n % sizes.length]!
          void lines.push(Buffer.from(bytes.subarray(start, start + size)))
          start += size
        }
        lines.end()
        const expected = text.split('\n')
        if (expected.at(-1) === '') expected.pop()
        expect(await found).toEqual(expected.map((line) => line.replace(/\r$/, '')))
      }),
    )
  })

  it('gives bytes with their carriage returns', async () => {
    const lines = new OutputLines<Buffer>(false, () => Buffer.alloc(0))
    const found = all(lines)
    void lines.push(Buffer.from([0xff, 13, 10, 10, 0xfe]))
    lines.end()
    expect(await found).toEqual([Buffer.from([0xff, 13]), Buffer.alloc(0), Buffer.from([0xfe])])
  })

  it('begins a late reader with what came before, and ends it', async () => {
    const lines = asText('early\nand a ha')
    const reader = lines[Symbol.asyncIterator]()
    void lines.push(Buffer.from('lf\n'))
    lines.end()
    expect([(await reader.next()).value, (await reader.next()).value, (await reader.next()).done]).toEqual([
      'early',
      'and a half',
      true,
    ])
    expect(await all(lines)).toEqual(['early', 'and a ha'])
  })

  it('gives every reader everything', async () => {
    const lines = asText()
    const readers = [all(lines), all(lines)]
    void lines.push(Buffer.from('a\nb\n'))
    lines.end()
    expect(await Promise.all(readers)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
  })

  it('asks to wait when a reader is behind by more than 256 KiB, and no longer when it has caught up', async () => {
    const lines = asText()
    const reader = lines[Symbol.asyncIterator]()
    const block = Buffer.from(`${'x'.repeat(64 * KIB - 1)}\n`)
    expect([lines.push(block), lines.push(block), lines.push(block)]).toEqual([undefined, undefined, undefined])
    const room = lines.push(block)
    expect(await isSettled(room)).toBe(false)
    void lines.push(block)
    void lines.push(block)
    await reader.next()
    await reader.next()
    expect(await isSettled(room)).toBe(false)
    await reader.next()
    expect(await isSettled(room)).toBe(true)
  })

  it('waits for the slowest of several readers', async () => {
    const lines = asText()
    const [slow, fast] = [lines[Symbol.asyncIterator](), lines[Symbol.asyncIterator]()]
    const block = Buffer.from(`${'x'.repeat(512 * KIB)}\n`)
    const room = lines.push(block)
    await fast.next()
    expect(await isSettled(room)).toBe(false)
    await slow.next()
    expect(await isSettled(room)).toBe(true)
  })

  it('does not wait for a reader that has left', async () => {
    const lines = asText()
    const reader = lines[Symbol.asyncIterator]()
    const room = lines.push(Buffer.from(`${'x'.repeat(512 * KIB)}\n`))
    await reader.return!()
    expect(await isSettled(room)).toBe(true)
    expect(lines.push(Buffer.alloc(KIB * KIB, '\n'))).toBeUndefined()
    expect(await reader.next()).toEqual({ done: true, value: undefined })
  })

  it('counts many empty lines as well', async () => {
    const lines = asText()
    const found = all(lines)
    const room = lines.push(Buffer.alloc(300 * KIB, '\n'))
    expect(room).toBeInstanceOf(Promise)
    lines.end()
    expect((await found).length).toBe(300 * KIB)
  })

  it('answers all who ask before there is a line, in turn', async () => {
    const lines = asText()
    const reader = lines[Symbol.asyncIterator]()
    const asked = [reader.next(), reader.next(), reader.next()]
    void lines.push(Buffer.from('a\n'))
    void lines.push(Buffer.from('b\n'))
    lines.end()
    expect((await Promise.all(asked)).map(({ value }) => value)).toEqual(['a', 'b', undefined])
  })

  it('answers who waits for a line when the reader is told to leave', async () => {
    const reader = asText()[Symbol.asyncIterator]()
    const asked = reader.next()
    await reader.return!()
    expect(await asked).toEqual({ done: true, value: undefined })
  })

  it('gives a line without end in pieces of 64 MiB, cut between characters', async () => {
    const lines = asText()
    const found = all(lines)
    const text = `a${'漢'.repeat(24 * KIB * KIB)}`
    const bytes = Buffer.from(text)
    for (let start = 0; start < bytes.length; start += 1_000_000)
      await lines.push(bytes.subarray(start, start + 1_000_000))
    lines.end()
    const pieces = await found
    expect(pieces.length).toBe(2)
    expect(pieces.join('') === text).toBe(true)
  })
})
