import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BlockOptions, checkBlockOptions } from '../../src/input/blocks/block-options.js'
import { blocks } from '../../src/input/blocks/blocks.js'
import { fileBlocks } from '../../src/input/blocks/file-blocks.js'
import { PipeBlocks } from '../../src/input/blocks/pipe-blocks.js'
import { InputError, OptionError } from '../../src/task/errors.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-blocks-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function cut(chunks: Iterable<Uint8Array | string>, options: BlockOptions = {}): Promise<string[]> {
  const found: string[] = []
  for await (const block of blocks(chunks, options)) found.push(block.toString('latin1'))
  return found
}

async function cutFile(bytes: Buffer, options: BlockOptions = {}): Promise<string[]> {
  const path = join(folder, 'file')
  writeFileSync(path, bytes)
  const found: string[] = []
  const all = readFileSync(path)
  for await (const { stdinFile, stdinRanges } of fileBlocks(path, options)) {
    expect(stdinFile).toBe(path)
    found.push(stdinRanges.map(([start, end]) => all.toString('latin1', start, end)).join(''))
  }
  return found
}

/**
 * As {@link cut}, of what comes through a pipe; also in how many places of memory the blocks were.
 *
 * @param reuses - whether blocks are given back when they have been looked at.
 * @param turns - of the event loop before the next block is taken.
 */
async function cutPipe(chunks: readonly Buffer[], options: BlockOptions = {}, reuses = false, turns = 0) {
  const path = join(folder, 'fifo')
  if (!existsSync(path)) execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  const found: string[] = []
  const write = async () => {
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        try {
          at += writeSync(writer, chunk, at)
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
        }
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    closeSync(writer)
  }
  const written = write()
  const memory = new Set<ArrayBufferLike>()
  let asked = 0
  const pipe = new PipeBlocks({ pipeFd: reader, onMuch: () => asked++ }, checkBlockOptions(options, true), 'pipe')
  for await (const block of pipe.blocks()) {
    found.push(block.toString('latin1'))
    memory.add(block.buffer)
    if (reuses) pipe.reuse(block)
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  await written
  return { found, places: memory.size, asked }
}

/** Text of this length in which each place can be told from others. */
function numbers(first: number, length: number): string {
  let text = ''
  for (let n = 0; text.length < length; n++) text += `${first}.${n} `
  return text.slice(0, length)
}

/** The records, found one character at a time. */
function recordsOf(text: string, recordEnd: string, recordStart: string): string[] {
  const records: string[] = []
  let [from, at] = [0, 0]
  while (at < text.length) {
    const border = at + recordEnd.length
    if (border > from && border < text.length && text.startsWith(recordEnd + recordStart, at)) {
      records.push(text.slice(from, border))
      from = border
      at = border + (recordEnd === '' ? 1 : 0)
    } else at += 1
  }
  if (from < text.length) records.push(text.slice(from))
  return records
}

/** As many records as fit, and one that does not fit by itself; the rest, when it fits. */
function blocksOfRecords(records: readonly string[], blockBytes: number): string[] {
  const made: string[] = []
  let block = ''
  for (const record of records) {
    if (block !== '' && block.length + record.length > blockBytes) {
      made.push(block)
      block = ''
    }
    block += record
  }
  return block === '' ? made : [...made, block]
}

const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\r', '>', '\xff'), maxLength: 200 })
const separator = fc.string({ unit: fc.constantFrom('a', '\n', '\r', '>', '\xff'), maxLength: 3 })
const cuts = fc.array(fc.nat(200), { maxLength: 12 })

function chunksOf(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => Math.min(place, bytes.length)), bytes.length].sort((a, b) => a - b)
  return sorted.slice(1).map((end, n) => bytes.subarray(sorted[n]!, end))
}

describe('blocks', () => {
  it('are whole records, as many as fit, for any size, borders and chunks; in a file the same ones', async () => {
    const property = async (given: string, end: string, start: string, blockBytes: number, places: number[]) => {
      const bytes = Buffer.from(given, 'latin1')
      const options = {
        blockBytes,
        recordEnd: Buffer.from(end, 'latin1'),
        recordStart: Buffer.from(start, 'latin1'),
      }
      const found = await cut(chunksOf(bytes, places), options)
      expect(found.join('')).toBe(given)
      expect(found).toEqual(blocksOfRecords(recordsOf(given, end, start), blockBytes))
      expect(await cutFile(bytes, options)).toEqual(found)
    }
    await fc.assert(fc.asyncProperty(text, separator, separator, fc.integer({ min: 1, max: 60 }), cuts, property), {
      numRuns: 1_500,
    })
  })

  it('of a number of records have just so many, the last one what is left', async () => {
    const property = async (given: string, end: string, start: string, records: number, places: number[]) => {
      const bytes = Buffer.from(given, 'latin1')
      const options = { records, recordEnd: Buffer.from(end, 'latin1'), recordStart: Buffer.from(start, 'latin1') }
      const all = recordsOf(given, end, start)
      const expected: string[] = []
      for (let at = 0; at < all.length; at += records) expected.push(all.slice(at, at + records).join(''))
      const found = await cut(chunksOf(bytes, places), options)
      expect(found).toEqual(expected)
      expect(await cutFile(bytes, options)).toEqual(found)
    }
    await fc.assert(fc.asyncProperty(text, separator, separator, fc.integer({ min: 1, max: 9 }), cuts, property), {
      numRuns: 1_000,
    })
  })

  it('have the header in front, which is no record', async () => {
    const property = async (given: string, headerLines: number, blockBytes: number, places: number[]) => {
      const bytes = Buffer.from(given, 'latin1')
      const lines = given.split(/(?<=\n)/)
      const hasHeader = given.split('\n').length > headerLines
      const header = lines.slice(0, headerLines).join('')
      const rest = hasHeader ? given.slice(header.length) : ''
      const expected = (await cut([Buffer.from(rest, 'latin1')], { blockBytes })).map((block) => header + block)
      const found = await cut(chunksOf(bytes, places), { blockBytes, headerLines })
      expect(found).toEqual(expected)
      expect(await cutFile(bytes, { blockBytes, headerLines })).toEqual(found)
    }
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 40 }), cuts, property),
      { numRuns: 500 },
    )
  })

  it('that come through a pipe are the same ones', async () => {
    const property = async (given: string, places: number[], shape: BlockOptions) => {
      const bytes = Buffer.from(given, 'latin1')
      const { found } = await cutPipe(chunksOf(bytes, places), shape)
      expect(found).toEqual(await cut([bytes], shape))
    }
    const size = fc.integer({ min: 1, max: 60 })
    const shapes = fc.oneof(
      fc.record({ blockBytes: size, recordEnd: separator.map(Buffer.from), recordStart: separator.map(Buffer.from) }),
      fc.record({ records: fc.integer({ min: 1, max: 5 }), headerLines: fc.integer({ min: 0, max: 2 }) }),
    )
    await fc.assert(fc.asyncProperty(text, cuts, shapes, property), { numRuns: 300 })
  })

  it('of megabytes lose nothing, by size, by number and with records longer than what is looked at', async () => {
    const line = (n: number) => `${n} ${'x'.repeat((n * 7_919) % 90_000)}\n`
    const lines = Array.from({ length: 150 }, (_, n) => line(n))
    const bytes = Buffer.from(lines.join(''))
    for (const options of [{ blockBytes: 100_000 }, { blockBytes: 5 }, { blockBytes: 2 ** 21 }, { records: 7 }]) {
      const found = await cut(chunksOf(bytes, [1_000_000, 1_000_001, 3_333_333]), options)
      expect(found.join('') === bytes.toString()).toBe(true)
      expect(found.every((block) => block.endsWith('\n'))).toBe(true)
      expect((await cutFile(bytes, options)).join('|') === found.join('|')).toBe(true)
      expect((await cutPipe([bytes], options)).found.join('|') === found.join('|')).toBe(true)
    }
  })

  // A read that brings several blocks, of which a later one takes the memory along that the next read was meant for.
  it('that come through a pipe hold what came, also when they are taken late and their memory is used again', async () => {
    const lengths = fc.array(fc.oneof(fc.nat(60), fc.integer({ min: 130_000, max: 200_000 })), { maxLength: 12 })
    const shapes = fc.oneof(
      fc.record({ blockBytes: fc.integer({ min: 130_000, max: 160_000 }) }),
      fc.record({ records: fc.integer({ min: 1, max: 3 }) }),
    )
    await fc.assert(
      fc.asyncProperty(lengths, shapes, fc.boolean(), fc.nat(6), async (some, shape, reuses, turns) => {
        const bytes = Buffer.concat(some.map((length, n) => Buffer.from(`${numbers(n, length)}\n`)))
        const { found } = await cutPipe([bytes], shape, reuses, turns)
        expect(found.join('') === bytes.toString('latin1')).toBe(true)
      }),
      { numRuns: 60, examples: [[[10, 1_048_600, ...Array(5_000).fill(60)], { blockBytes: 1 << 20 }, true, 3]] },
    )
  })

  it('that come through a pipe are gathered in the memory of those that were given back, and in no other', async () => {
    const bytes = Buffer.from(Array.from({ length: 2_000 }, (_, n) => `${n} ${'x'.repeat(10_000)}\n`).join(''))
    const options = { blockBytes: 700_000 }
    const whole = await cut([bytes], options)
    const kept = await cutPipe([bytes], options)
    expect(kept.found.join('|') === whole.join('|')).toBe(true)
    expect(kept.places).toBe(whole.length)
    const reused = await cutPipe([bytes], options, true)
    expect(reused.found.join('|') === whole.join('|')).toBe(true)
    expect(reused.places).toBeLessThan(6)
    expect(reused.asked).toBe(1)
    expect((await cutPipe([Buffer.from('one\ntwo\n')])).asked).toBe(0)
  })

  it('are none of nothing, and strings will do', async () => {
    expect(await cut([])).toEqual([])
    expect(await cut(['', ''])).toEqual([])
    expect(await cutFile(Buffer.alloc(0))).toEqual([])
    expect(await cut(['one\ntw', 'o\nthree'], { records: 1 })).toEqual(['one\n', 'two\n', 'three'])
  })

  it('end with a reason at a record that is too long, after what came before it', async () => {
    const found: string[] = []
    const reading = async () => {
      const chunks = ['a\n', 'b\n', 'c'.repeat(50)]
      for await (const block of blocks(chunks, { blockBytes: 2, maxRecordBytes: 40 })) found.push(block.toString())
    }
    await expect(reading()).rejects.toThrow(InputError)
    await expect(reading()).rejects.toThrow('a record is longer than 42 bytes')
    expect(found.slice(0, 2)).toEqual(['a\n', 'b\n'])
  })

  it('refuse what cannot be', async () => {
    expect(() => blocks([], { blockBytes: 0 })).toThrow(OptionError)
    expect(() => blocks([], { records: 1.5 })).toThrow(OptionError)
    expect(() => blocks([], { records: 1, blockBytes: 1 })).toThrow('either so many bytes or so many records')
    expect(() => blocks('text' as never)).toThrow(OptionError)
    await expect(fileBlocks(folder).next()).rejects.toThrow('is a directory')
    await expect(fileBlocks(join(folder, 'none')).next()).rejects.toThrow('ENOENT')
  })

  it('are read one ahead and no further', async () => {
    let pulled = 0
    const endless = function* () {
      for (;;) {
        pulled += 1
        yield 'line\n'
      }
    }
    const reader = blocks(endless(), { records: 1 })
    await reader.next()
    await new Promise((resolve) => setImmediate(resolve))
    expect(pulled).toBeLessThanOrEqual(2)
    await reader.return()
  })
})
