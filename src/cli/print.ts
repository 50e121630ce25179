import { writeSync } from 'node:fs'
import { STATUS_CANNOT_GO_ON } from './exit.js'
import { dieOf } from './signals.js'

/** How long to wait for room where somebody made the descriptor non-blocking. */
const RETRY_MS = 5

/**
 * Prints a text to standard output, and returns when it is written. When its reader has left (`drover --help | head -1`),
 * drover dies of SIGPIPE, as any other program; when it cannot be written for another reason, it says so and exits with 102.
 */
export function printOut(text: string): void {
  const error = writeWhole(1, text)
  if (error === null) return
  if (error.code === 'EPIPE') dieOf('SIGPIPE')
  printErr(`drover: standard output cannot be written to: ${error.message}\n`)
  process.exit(STATUS_CANNOT_GO_ON)
}

/** Prints a text to standard error. Where nobody reads that, there is nobody to tell. */
export function printErr(text: string): void {
  writeWhole(2, text)
}

function writeWhole(fd: number, text: string): NodeJS.ErrnoException | null {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return error as NodeJS.ErrnoException
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
    }
  }
  return null
}
