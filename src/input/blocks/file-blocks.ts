import { type FileHandle, open } from 'node:fs/promises'
import { InputError } from '../../task/errors.js'
import type { Task } from '../../task/task.js'
import { cannotRead } from '../source.js'
import { BlockCutter } from './block-cutter.js'
import { type BlockOptions, type CheckedBlockOptions, checkBlockOptions } from './block-options.js'

/** The fields of a task that make its standard input a part of a file. */
export type FileBlock = Required<Pick<Task, 'stdinFile' | 'stdinRanges'>>

const CHUNK_BYTES = 256 * 1024
/** How much is read at a time to find a border. */
const LOOK_BYTES = 32 * 1024

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
  return partsOf(path, checkBlockOptions(options, false))
}

async function* partsOf(path: string, options: CheckedBlockOptions): AsyncGenerator<FileBlock, void> {
  const file = await openRegular(path)
  try {
    const { size } = await file.stat()
    const inOrder = options.records !== null || options.borders.overlaps
    const parts = inOrder ? readParts(file, path, size, options) : soughtParts(file, path, size, options)
    let header = 0
    for await (const { headerBytes, start, end } of parts) {
      header = headerBytes
      yield {
        stdinFile: path,
        stdinRanges:
          header > 0
            ? [
                [0, header],
                [start, end],
              ]
            : [[start, end]],
      }
    }
  } finally {
    await file.close()
  }
}

interface Part {
  readonly headerBytes: number
  readonly start: number
  readonly end: number
}

/** @throws InputError when it cannot be opened, or has no places to read at. */
export async function openRegular(path: string): Promise<FileHandle> {
  let file: FileHandle | null = null
  try {
    file = await open(path, 'r')
    const stats = await file.stat()
    if (stats.isFile()) return file
    const what = stats.isDirectory() ? 'a directory' : 'no regular file'
    throw new InputError(
      { source: path },
      `is ${what}, which cannot be read from several places at once; name a file, or use --pipe`,
    )
  } catch (error) {
    await file?.close()
    throw cannotRead(path, error)
  }
}

/** Where borders can only be told from the front: all of it is read once. */
async function* readParts(
  file: FileHandle,
  path: string,
  size: number,
  options: CheckedBlockOptions,
): AsyncGenerator<Part, void> {
  let start = -1
  const cutter = new BlockCutter(options, path, (header, block): Part => {
    if (start < 0) start = header.length
    const part = { headerBytes: header.length, start, end: start + block.length }
    start = part.end
    return part
  })
  for (let at = 0; at < size; ) {
    const chunk = await readAt(file, path, at, Math.min(CHUNK_BYTES, size - at))
    if (chunk.length === 0) break
    at += chunk.length
    yield* cutter.push(chunk)
  }
  yield* cutter.end()
}

/** Looks only where a block may end. */
async function* soughtParts(
  file: FileHandle,
  path: string,
  size: number,
  options: CheckedBlockOptions,
): AsyncGenerator<Part, void> {
  const headerBytes = await findHeader(file, path, size, options)
  for (let start = headerBytes; start < size; ) {
    const end =
      size - start <= options.blockBytes
        ? size
        : ((await lastBorder(file, path, start, options)) ??
          (await nextBorder(file, path, size, start, options)) ??
          size)
    yield { headerBytes, start, end }
    start = end
  }
}

async function findHeader(file: FileHandle, path: string, size: number, options: CheckedBlockOptions): Promise<number> {
  let lines = options.headerLines
  for (let at = 0; lines > 0; ) {
    const chunk = await readAt(file, path, at, Math.min(CHUNK_BYTES, size - at))
    if (chunk.length === 0) return size
    let place = 0
    while (lines > 0) {
      const found = chunk.indexOf(0x0a, place)
      if (found < 0) break
      place = found + 1
      lines -= 1
    }
    if (lines === 0) return at + place
    at += chunk.length
  }
  return 0
}

async function lastBorder(
  file: FileHandle,
  path: string,
  start: number,
  { borders, blockBytes }: CheckedBlockOptions,
): Promise<number | null> {
  let end = start + blockBytes + borders.startLength
  for (let length = LOOK_BYTES; end > start; length *= 2) {
    const from = Math.max(start, end - length)
    const bytes = await readAt(file, path, from, end - from)
    const border = borders.lastAnywhere(bytes)
    if (border >= 0 && from + border > start) return from + border
    if (from === start) return null
    // A border that lies across the two looks is found by the next one.
    end = from + borders.held
  }
  return null
}

async function nextBorder(
  file: FileHandle,
  path: string,
  size: number,
  start: number,
  { borders, blockBytes }: CheckedBlockOptions,
): Promise<number | null> {
  let from = Math.max(start, start + blockBytes - borders.held)
  for (let length = LOOK_BYTES; from < size; length = Math.min(length * 2, CHUNK_BYTES * 4)) {
    const bytes = await readAt(file, path, from, Math.min(length, size - from))
    if (bytes.length === 0) return null
    const known = start + blockBytes - from
    const border = borders.next(bytes, from === start ? 0 : -1, Math.max(known, -1))
    if (border >= 0) return from + border
    from += Math.max(1, bytes.length - borders.held)
  }
  return null
}

/** So many bytes, fewer only at the end of the file. */
async function readAt(file: FileHandle, path: string, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  let got = 0
  try {
    while (got < length) {
      const { bytesRead } = await file.read(bytes, got, length - got, position + got)
      if (bytesRead === 0) break
      got += bytesRead
    }
  } catch (error) {
    throw cannotRead(path, error)
  }
  return bytes.subarray(0, got)
}
