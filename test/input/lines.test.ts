import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Line, LineSplitter } from '../../src/input/lines.js'

function split(chunks: readonly Buffer[], delimiter: string, limit = 1000): (string | null)[] {
  const splitter = new LineSplitter(Buffer.from(delimiter), limit)
  const found: (string | null)[] = []
  const note = ({ bytes, number }: Line) => {
    expect(number).toBe(found.length + 1)
    found.push(bytes === null ? null : bytes.toString('latin1'))
  }
  for (const chunk of chunks) {
    for (const line of splitter.push(chunk)) note(line)
    expect(splitter.heldBytes).toBeLessThan(limit + Buffer.byteLength(delimiter))
  }
  for (const line of splitter.end()) note(line)
  return found
}

describe('splitting bytes into lines', () => {
  it.each([
    ['', []],
    ['a', ['a']],
    ['a\n', ['a']],
    ['\n', ['']],
    ['a\n\nb', ['a', '', 'b']],
    ['a\r\nb\n\n', ['a\r', 'b', '']],
  ])('%j', (content, lines) => {
    expect(split([Buffer.from(content)], '\n')).toEqual(lines)
  })

  it('does not depend on chunks, with a delimiter of one byte or of several', () => {
    const content = fc.array(fc.constantFrom('a', 'b', '\n', 'ab', 'aab', '\u00e9'), { maxLength: 40 })
    const sizes = fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 20 })
    const delimiter = fc.constantFrom('\n', 'a', 'ab', 'aab', 'aa', '\u00e9')
    const limit = fc.constantFrom(1, 2, 3, 5, 1000)
    fc.assert(
      fc.property(content, sizes, delimiter, limit, (parts, chunkSizes, end, maxBytes) => {
        const bytes = Buffer.from(parts.join(''))
        const chunks: Buffer[] = []
        for (let [at, turn] = [0, 0]; at < bytes.length; turn++) {
          const size = turn < chunkSizes.length ? chunkSizes[turn]! : 3
          chunks.push(bytes.subarray(at, at + size))
          at += size
        }
        const mark = Buffer.from(end).toString('latin1')
        const expected: string[] = bytes.length === 0 ? [] : bytes.toString('latin1').split(mark)
        if (expected.at(-1) === '') expected.pop()
        expect(split(chunks, end, maxBytes)).toEqual(expected.map((line) => (line.length > maxBytes ? null : line)))
      }),
    )
  })

  it('takes a line of exactly the limit', () => {
    expect(split([Buffer.from('1234\n12345\n1234')], '\n', 4)).toEqual(['1234', null, '1234'])
  })

  it('holds no more than the limit of a line of 200 MB', () => {
    const limit = 1024 * 1024
    const splitter = new LineSplitter(Buffer.from('\n'), limit)
    const chunk = Buffer.alloc(64 * 1024, 'x')
    let most = 0
    for (let sent = 0; sent < 200e6; sent += chunk.length) {
      for (const line of splitter.push(chunk)) expect.unreachable(`a line ${line.number}`)
      most = Math.max(most, splitter.heldBytes)
    }
    expect(most).toBeLessThanOrEqual(limit)
    expect([...splitter.push(Buffer.from('\nok\n'))].map(({ bytes }) => bytes?.toString() ?? null)).toEqual([
      null,
      'ok',
    ])
  })
})
