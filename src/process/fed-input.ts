import { type FileHandle, open } from 'node:fs/promises'
import { DroverError } from '../task/errors.js'
import type { ByteRange, Task } from '../task/task.js'
import { isTaskStream } from '../task/task-stream.js'
import type { FedInput } from './input-feed.js'

const CHUNK_BYTES = 256 * 1024

/** The input of a task that has to be fed to it; null where the launcher is told at the start where it comes from. */
export function fedInputOf({ stdin, stdinFile, stdinRanges }: Task): FedInput | null {
  if (isTaskStream(stdin)) return { chunks: stdin, isRepeatable: false }
  if (stdinFile === undefined || stdinRanges === undefined) return null
  return { chunks: rangesOf(stdinFile, stdinRanges), isRepeatable: true }
}

/** The next chunk is read while the last one is on its way. */
async function* rangesOf(path: string, ranges: readonly ByteRange[]): AsyncGenerator<Uint8Array, void> {
  const file = await open(path, 'r')
  let coming: Promise<Buffer> | null = null
  try {
    for (const { position, length } of pieces(ranges)) {
      const next: Promise<Buffer> = readWhole(file, path, position, length)
      next.catch(() => {})
      if (coming !== null) yield await coming
      coming = next
    }
    if (coming !== null) yield await coming
  } finally {
    // Closed only when nothing reads from it.
    await coming?.catch(() => {})
    await file.close()
  }
}

function* pieces(ranges: readonly ByteRange[]): Generator<{ position: number; length: number }> {
  for (const [start, end] of ranges) {
    for (let at = start; at < end; at += CHUNK_BYTES) yield { position: at, length: Math.min(CHUNK_BYTES, end - at) }
  }
}

async function readWhole(file: FileHandle, path: string, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length)
  for (let got = 0; got < length; ) {
    const { bytesRead } = await file.read(bytes, got, length - got, position + got)
    if (bytesRead === 0) {
      throw new DroverError(
        'ERR_DROVER_STDIN',
        `${path} ends at byte ${position + got}, before the part of it that was to be read; it has to stay as it is meanwhile`,
      )
    }
    got += bytesRead
  }
  return bytes
}
