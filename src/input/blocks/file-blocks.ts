import type { Task } from '../../task/task.js'
import { BlockCutter } from './block-cutter.js'
import { type BlockOptions, type CheckedBlockOptions, checkBlockOptions } from './block-options.js'
import { OpenFile } from './open-file.js'

/** The fields of a task that make its standard input a part of a file. */
export type FileBlock = Required<Pick<Task, 'stdinFile' | 'stdinRanges'>>

const CHUNK_BYTES = 256 * 1024
/** How much is read at first to find a border. */
const LOOK_BYTES = 32 * 1024
const NEWLINE = 0x0a

/**
 * Cuts a file into the blocks that {@link blocks} would make of it, without reading more of it than is needed to find borders. Its
 * tasks read it by themselves, several at once. The file has to stay as it is meanwhile.
 *
 * @example
 * const tasks = async function* () {
 *   for await (const part of fileBlocks('big.log', { blockBytes: 2 ** 24 })) yield { command: 'wc -l', ...part }
 * }
 * @throws OptionError for an option that cannot be used; InputError (as a rejection) for a file that cannot be read or is none.
 */
export function fileBlocks(path: string, options: BlockOptions = {}): AsyncGenerator<FileBlock, void> {
  return blocksOf(path, OpenFile.open(path), checkBlockOptions(options, false))
}

/** @param path - by which the tasks open it. */
export async function* blocksOf(
  path: string,
  opening: OpenFile | Promise<OpenFile>,
  options: CheckedBlockOptions,
): AsyncGenerator<FileBlock, void> {
  const file = await opening
  try {
    const isReadInOrder = options.records !== null || options.borders.overlaps
    for await (const { header, start, end } of isReadInOrder ? readParts(file, options) : soughtParts(file, options)) {
      const block = [file.begin + start, file.begin + end] as const
      const ranges = header > 0 ? [[file.begin, file.begin + header] as const, block] : [block]
      yield { stdinFile: path, stdinRanges: ranges }
    }
  } finally {
    await file.close()
  }
}

/** Where a block is, and how long the header in front of the first one. */
interface Part {
  readonly header: number
  readonly start: number
  readonly end: number
}

/** Where borders can only be told from the front: all of it is read once. */
async function* readParts(file: OpenFile, options: CheckedBlockOptions): AsyncGenerator<Part, void> {
  let start = -1
  const cutter = new BlockCutter(options, file.name, (header, block): Part => {
    if (start < 0) start = header.length
    const part = { header: header.length, start, end: start + block.length }
    start = part.end
    return part
  })
  for (let at = 0; ; ) {
    const chunk = await file.read(at, CHUNK_BYTES)
    if (chunk.length === 0) break
    at += chunk.length
    yield* cutter.push(chunk)
  }
  yield* cutter.end()
}

/** Looks only where a block may end. */
async function* soughtParts(file: OpenFile, options: CheckedBlockOptions): AsyncGenerator<Part, void> {
  const header = await findHeader(file, options.headerLines)
  for (let start = header; start < file.size; ) {
    const fits = file.size - start <= options.blockBytes
    const border = fits ? null : ((await lastBorder(file, start, options)) ?? (await nextBorder(file, start, options)))
    const end = border ?? file.size
    yield { header, start, end }
    start = end
  }
}

async function findHeader(file: OpenFile, lines: number): Promise<number> {
  let left = lines
  for (let at = 0; left > 0; ) {
    const chunk = await file.read(at, CHUNK_BYTES)
    if (chunk.length === 0) return file.size
    let place = 0
    while (left > 0) {
      const found = chunk.indexOf(NEWLINE, place)
      if (found < 0) break
      place = found + 1
      left -= 1
    }
    if (left === 0) return at + place
    at += chunk.length
  }
  return 0
}

/** The last border at which the block is not too long; null when there is none. */
async function lastBorder(
  file: OpenFile,
  start: number,
  { borders, blockBytes }: CheckedBlockOptions,
): Promise<number | null> {
  let end = start + blockBytes + borders.startLength
  for (let length = LOOK_BYTES; ; length *= 2) {
    const from = Math.max(start, end - length)
    const border = borders.lastAnywhere(await file.read(from, end - from))
    if (border >= 0 && from + border > start) return from + border
    if (from === start) return null
    // What lies across the two looks is found by the next one.
    end = from + borders.held
  }
}

/** The first border after that, where the block is one record; null when there is none. */
async function nextBorder(
  file: OpenFile,
  start: number,
  { borders, blockBytes }: CheckedBlockOptions,
): Promise<number | null> {
  const least = start + blockBytes
  let from = Math.max(start, least - borders.held)
  for (let length = LOOK_BYTES; from < file.size; length = Math.min(length * 2, CHUNK_BYTES)) {
    const bytes = await file.read(from, length)
    const border = borders.next(bytes, from === start ? 0 : -1, Math.max(least - from, -1))
    if (border >= 0) return from + border
    from += Math.max(1, bytes.length - borders.held)
  }
  return null
}
