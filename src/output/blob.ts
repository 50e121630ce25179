import type { OutputWriter } from './fd-writer.js'
import { type Maybe, settled } from './maybe.js'

/** How much is copied from a file to a writer in one piece. */
export const PIECE_BYTES = 256 * 1024

/** Finished output in one stream, wherever it is kept. */
export interface OutputBlob {
  readonly bytes: number
  /** All of it, where it is in memory; else null. */
  inMemory(): readonly Uint8Array[] | null
  /** Writes all of it. */
  drainTo(writer: OutputWriter): Maybe
  /** Gives back what it is kept in. */
  discard(): void
}

/** All that one task has to print. */
export interface TaskOutput {
  readonly stdout: OutputBlob | null
  readonly stderr: OutputBlob | null
}

export const NO_OUTPUT: TaskOutput = { stdout: null, stderr: null }

/** Bytes in memory as a blob. */
export class MemoryBlob implements OutputBlob {
  readonly #content: Uint8Array

  constructor(content: Uint8Array) {
    this.#content = content
  }

  get bytes(): number {
    return this.#content.length
  }

  inMemory(): readonly Uint8Array[] {
    return [this.#content]
  }

  drainTo(writer: OutputWriter): Maybe {
    return writer.write(this.#content) ?? undefined
  }

  discard(): void {}
}

/** Writes all of a blob and gives it back, also when that fails. */
export function moveBlob(blob: OutputBlob, writer: OutputWriter): Maybe {
  return settled(blob.drainTo(writer), () => blob.discard())
}
