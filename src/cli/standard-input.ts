import { closeSync, createReadStream, fstatSync, openSync, readFileSync } from 'node:fs'
import type { PipeInput } from '../input/blocks/pipe-blocks.js'
import { InputError } from '../task/errors.js'

/** Standard input; Node takes a directory for an empty stream. */
export function standardInput(): NodeJS.ReadableStream | AsyncIterable<Buffer> {
  return isDirectory(0) ? noInput() : process.stdin
}

/** How much is read at a time of a file. */
const CHUNK_BYTES = 512 * 1024

/**
 * The same for who reads gigabytes of it: a pipe as it is, a file in larger chunks than Node's.
 *
 * @param onMuch - see {@link PipeInput.onMuch}.
 */
export function wholeStandardInput(onMuch: () => void): NodeJS.ReadableStream | AsyncIterable<Buffer> | PipeInput {
  if (isPipe(0)) return { pipeFd: 0, onMuch }
  return isFile(0) ? createReadStream('', { fd: 0, autoClose: false, highWaterMark: CHUNK_BYTES }) : standardInput()
}

/** Standard input by a path that others of this user can open as well; null where that cannot be, or it is no file. */
export function standardInputFile(): { path: string; name: string; begin: number } | null {
  const path = `/proc/${process.pid}/fd/0`
  try {
    // Files that the system makes up as they are read say that they have no bytes.
    if (!isFile(0) || fstatSync(0).size === 0) return null
    const position = /^pos:\s*(\d+)/m.exec(readFileSync('/proc/self/fdinfo/0', 'utf8'))
    // Others than who has opened it may not be allowed to.
    closeSync(openSync(path, 'r'))
    return position === null ? null : { path, name: 'stdin', begin: Number(position[1]) }
  } catch {
    return null
  }
}

/** In place of standard input, where nothing is to be read from it. */
// biome-ignore lint/correctness/useYield: it only tells what is wrong, and only to who reads it
export async function* noInput(): AsyncGenerator<Buffer> {
  throw new InputError({ source: 'stdin' }, 'expected a file or a pipe, not a directory')
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile()
  } catch {
    return false
  }
}

function isPipe(fd: number): boolean {
  try {
    return fstatSync(fd).isFIFO()
  } catch {
    return false
  }
}

function isDirectory(fd: number): boolean {
  try {
    return fstatSync(fd).isDirectory()
  } catch {
    return false
  }
}
