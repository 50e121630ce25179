import { closeSync, fstatSync, openSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { pipeline, Readable, type Writable } from 'node:stream'
import type { ByteRange, StartError } from '../port.js'
import { shortFileError } from '../ranges.js'

const CHUNK_BYTES = 256 * 1024

/** @throws the error that a start fails with when the file cannot be opened or is no regular one. */
export function checkRegular(path: string): void {
  const fd = openSync(path, 'r')
  try {
    const stats = fstatSync(fd)
    if (stats.isFile()) return
    const code = stats.isDirectory() ? 'EISDIR' : 'ESPIPE'
    throw Object.assign(new Error(`${code}: open '${path}'`), { code, path, syscall: 'open' })
  } finally {
    closeSync(fd)
  }
}

/** Writes parts of a file to a child. What the child does not read is lost, and no error. */
export function feedRanges(
  path: string,
  ranges: readonly ByteRange[],
  stdin: Writable,
  onFailed: (error: StartError) => void,
): void {
  let failed: StartError | null = null
  const fail = (error: NodeJS.ErrnoException): never => {
    const { code = 'ERR_DROVER_STDIN', message } = error
    failed = { code, message }
    throw error
  }
  const chunks = async function* () {
    const parts = partsOf(path, ranges)
    try {
      for (;;) {
        // And not what is thrown at where this waits when the child reads no more.
        const part = await parts.next().catch(fail)
        if (part.done === true) return
        yield part.value
      }
    } finally {
      await parts.return()
    }
  }
  pipeline(Readable.from(chunks(), { objectMode: false, highWaterMark: CHUNK_BYTES }), stdin, () => {
    if (failed !== null) onFailed(failed)
  })
}

async function* partsOf(path: string, ranges: readonly ByteRange[]): AsyncGenerator<Buffer, void> {
  const file = await open(path, 'r')
  try {
    for (const [start, end] of ranges) {
      for (let at = start; at < end; ) {
        const chunk = await readSome(file, at, Math.min(CHUNK_BYTES, end - at))
        if (chunk.length === 0) {
          const { code, message } = shortFileError(path)
          throw Object.assign(new Error(message), { code })
        }
        at += chunk.length
        yield chunk
      }
    }
  } finally {
    await file.close()
  }
}

async function readSome(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}
