import { writeFileSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { endOfLines, type RecordLine, recordLines } from '../../src/journal/record-lines.js'
import { newPath, openUntilEnd } from './support.js'

async function linesOf(file: FileHandle, end: number): Promise<RecordLine[]> {
  const lines: RecordLine[] = []
  for await (const some of recordLines(file, end)) lines.push(...some)
  return lines
}

/** A file that gives no more than so many bytes at a time. */
function slow(bytes: Buffer, atMost: number): FileHandle {
  const read = async (buffer: Buffer, offset: number, length: number, position: number) => ({
    bytesRead: bytes.copy(buffer, offset, position, Math.min(bytes.length, position + Math.min(length, atMost))),
  })
  return { read } as unknown as FileHandle
}

/** What the lines of bytes are, by the plainest means. */
function expectedLines(bytes: Buffer): { offset: number; text: string }[] {
  const texts = bytes.toString('latin1').split('\n').slice(0, -1)
  let offset = 0
  return texts.map((text) => {
    const line = { offset, text }
    offset += text.length + 1
    return line
  })
}

const plain = (lines: RecordLine[]) => lines.map(({ offset, bytes }) => ({ offset, text: bytes.toString('latin1') }))

describe('recordLines()', () => {
  it('gives each line once, with its place, wherever what is read is cut', async () => {
    const byte = fc.constantFrom(10, 10, 0, 0x7b, 0xc3)
    const content = fc.array(byte, { maxLength: 60 }).map((bytes) => Buffer.from(bytes))
    await fc.assert(
      fc.asyncProperty(content, fc.integer({ min: 1, max: 9 }), fc.nat(60), async (bytes, atMost, limit) => {
        const end = Math.min(limit, bytes.length)
        const lines = await linesOf(slow(bytes, atMost), end)
        expect(plain(lines)).toEqual(expectedLines(bytes.subarray(0, end)))
      }),
      { numRuns: 500 },
    )
  })

  it.each([262_143, 262_144, 262_145, 524_288])(
    'puts a line together that ends near the border of a chunk (%d)',
    async (length) => {
      const path = newPath()
      const line = 'x'.repeat(length)
      writeFileSync(path, `${line}\nshort\n\n${line}\nunended`)
      const file = await openUntilEnd(path)
      const lines = await linesOf(file, (await file.stat()).size)
      expect(plain(lines)).toEqual([
        { offset: 0, text: line },
        { offset: length + 1, text: 'short' },
        { offset: length + 7, text: '' },
        { offset: length + 8, text: line },
      ])
    },
  )

  it('ends where a file is shorter than it was', async () => {
    expect(plain(await linesOf(slow(Buffer.from('a\nb\n'), 3), 100))).toEqual([
      { offset: 0, text: 'a' },
      { offset: 2, text: 'b' },
    ])
  })
})

describe('endOfLines()', () => {
  it.each([
    ['', 0],
    ['a', 0],
    ['\n', 1],
    ['a\nb', 2],
    ['a\nb\n', 4],
  ])('of %j is %d', async (text, end) => {
    const path = newPath()
    writeFileSync(path, text)
    expect(await endOfLines(await openUntilEnd(path), text.length)).toBe(end)
  })

  it.each([65_534, 65_535, 65_536, 65_537, 131_072, 200_000])('is found before a tail of %d bytes', async (length) => {
    const path = newPath()
    writeFileSync(path, `one\ntwo\n${'x'.repeat(length)}`)
    expect(await endOfLines(await openUntilEnd(path), 8 + length)).toBe(8)
    writeFileSync(path, 'x'.repeat(length))
    expect(await endOfLines(await openUntilEnd(path), length)).toBe(0)
  })

  it('looks no further than the size it was given', async () => {
    const path = newPath()
    writeFileSync(path, 'a\nb\n')
    expect(await endOfLines(await openUntilEnd(path), 3)).toBe(2)
  })
})
