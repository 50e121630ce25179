import { fdatasync, fstat, ftruncate, writev, writevSync } from 'node:fs'
import { promisify } from 'node:util'

/** The calls of the system's that writing takes; a test puts others in their place. */
export interface AppendSystem {
  writev(fd: number, pieces: readonly Uint8Array[]): Promise<number>
  sync(fd: number): Promise<void>
  truncate(fd: number, size: number): Promise<void>
  /** How many names the file has; 0 when it was deleted. */
  links(fd: number): Promise<number>
}

const SMALL_BYTES = 64 * 1024
const SLOW_MS = 10
const WARY_MS = 10_000

/**
 * The system's own calls, for one file. Writing a small record takes some microseconds, as it goes to memory; to have another
 * thread do it takes ten times as long, and a CPU from the tasks. So small ones are written at once, until one turns out
 * slow, as on a disk that is behind or a network's: for ten seconds from then on all are left to another thread.
 */
export function fileSystem(): AppendSystem {
  let waryUntilMs = Number.NEGATIVE_INFINITY
  return {
    async writev(fd, pieces) {
      const begunMs = performance.now()
      if (begunMs < waryUntilMs || sizeOf(pieces) > SMALL_BYTES) return writeElsewhere(fd, pieces)
      const written = writevSync(fd, pieces as Uint8Array[])
      const endedMs = performance.now()
      if (endedMs - begunMs > SLOW_MS) waryUntilMs = endedMs + WARY_MS
      return written
    },
    sync: promisify(fdatasync),
    truncate: promisify(ftruncate),
    links: async (fd) => (await promisify(fstat)(fd)).nlink,
  }
}

function writeElsewhere(fd: number, pieces: readonly Uint8Array[]): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(fd, pieces as Uint8Array[], (error, written) => (error == null ? resolve(written) : reject(error)))
  })
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  let bytes = 0
  for (const piece of pieces) bytes += piece.length
  return bytes
}
