import { fstatSync } from 'node:fs'
import { InputError } from '../task/errors.js'

/** Standard input; Node takes a directory for an empty stream. */
export function standardInput(): NodeJS.ReadableStream | AsyncIterable<Buffer> {
  return isDirectory(0) ? noInput() : process.stdin
}

/** In place of standard input, where nothing is to be read from it. */
// biome-ignore lint/correctness/useYield: it only tells what is wrong, and only to who reads it
export async function* noInput(): AsyncGenerator<Buffer> {
  throw new InputError({ source: 'stdin' }, 'expected a file or a pipe, not a directory')
}

function isDirectory(fd: number): boolean {
  try {
    return fstatSync(fd).isDirectory()
  } catch {
    return false
  }
}
