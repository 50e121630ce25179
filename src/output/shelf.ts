import { type OutputBlob, PIECE_BYTES, type TaskOutput } from './blob.js'
import type { OutputWriter } from './fd-writer.js'
import { ignore, type Maybe, settled } from './maybe.js'
import { type Outlets, printOutput } from './outlet.js'
import { ShelfIndex } from './shelf-index.js'
import { ShelfPages, type ShelfPagesOptions } from './shelf-pages.js'

export interface ShelfOptions extends ShelfPagesOptions {
  /** Output in files up to this size is packed together with others; larger output stays in its file. Default: 1 MiB. */
  readonly packBytes?: number | undefined
}

/**
 * Finished outputs that wait for an earlier task. What waits takes 17 to 34 bytes a task and 8 MiB of memory in all,
 * however much it is; the rest is in files.
 */
export class Shelf {
  readonly #index = new ShelfIndex()
  readonly #pages: ShelfPages
  readonly #packBytes: number
  /** Each is worth a megabyte on disk, so that there cannot be many of them. */
  readonly #large = new Map<number, TaskOutput>()

  constructor(options: ShelfOptions) {
    this.#pages = new ShelfPages(options)
    this.#packBytes = options.packBytes ?? 1024 * 1024
  }

  /** How many outputs wait. */
  get count(): number {
    return this.#index.count
  }

  /** What the shelf takes in memory, buffers and index. */
  get memoryBytes(): number {
    return this.#pages.memoryBytes + this.#index.memoryBytes
  }

  has(index: number): boolean {
    return this.#index.has(index)
  }

  /** Says that no task before this one will be put on the shelf any more. */
  startAt(index: number): void {
    this.#index.startAt(index)
  }

  /**
   * Takes over the output of a finished task. A promise is backpressure; it rejects with `ERR_DROVER_SPILL` when memory
   * could not be relieved, and even then the output is not lost. {@link has} may turn true only when it has resolved.
   */
  put(index: number, output: TaskOutput): Maybe {
    const stdout = output.stdout === null ? [] : output.stdout.inMemory()
    const stderr = output.stderr === null ? [] : output.stderr.inMemory()
    if (stdout !== null && stderr !== null) {
      const packed = this.#pack(index, stdout, stderr)
      discard(output)
      return packed
    }
    const bytes = (output.stdout?.bytes ?? 0) + (output.stderr?.bytes ?? 0)
    if (bytes <= this.#packBytes) return this.#collect(index, output)
    this.#keep(index, output)
    return undefined
  }

  /** Prints the output of a task that {@link has} is true for; it waits no more, even if printing fails. */
  take(index: number, outlets: Outlets): Maybe {
    const { page, offset, stdoutBytes, stderrBytes } = this.#index.take(index)
    const large = this.#large.get(index)
    if (large !== undefined) {
      this.#large.delete(index)
      return printOutput(index, large, outlets)
    }
    if (page === 0) return undefined
    const packed = {
      stdout: this.#blob(page, offset, stdoutBytes),
      stderr: this.#blob(page, offset + stdoutBytes, stderrBytes),
    }
    return settled(printOutput(index, packed, outlets), () => this.#pages.release(page))
  }

  /** The first task that waits; null when none does. */
  first(): number | null {
    return this.#index.first()
  }

  #pack(index: number, stdout: readonly Uint8Array[], stderr: readonly Uint8Array[]): Maybe {
    const stdoutBytes = totalBytes(stdout)
    const stderrBytes = totalBytes(stderr)
    if (stdoutBytes + stderrBytes === 0) {
      this.#index.set(index, { page: 0, offset: 0, stdoutBytes, stderrBytes })
      return undefined
    }
    const { page, buffer, offset, spilled } = this.#pages.reserve(stdoutBytes + stderrBytes)
    this.#index.set(index, { page, offset, stdoutBytes, stderrBytes })
    let at = offset
    for (const part of [stdout, stderr]) {
      for (const chunk of part) {
        buffer.set(chunk, at)
        at += chunk.length
      }
    }
    return spilled
  }

  async #collect(index: number, output: TaskOutput): Promise<void> {
    const parts: [Uint8Array[], Uint8Array[]] = [[], []]
    try {
      await output.stdout?.drainTo({ write: (chunk) => void parts[0].push(chunk as Uint8Array) })
      await output.stderr?.drainTo({ write: (chunk) => void parts[1].push(chunk as Uint8Array) })
    } catch {
      // Whoever prints it will meet the error, in its turn.
      return this.#keep(index, output)
    }
    const packed = this.#pack(index, ...parts)
    discard(output)
    await packed
  }

  #keep(index: number, output: TaskOutput): void {
    this.#large.set(index, output)
    this.#index.set(index, { page: 0, offset: 0, stdoutBytes: 0, stderrBytes: 0 })
  }

  #blob(page: number, offset: number, bytes: number): OutputBlob {
    return {
      bytes,
      inMemory: () => null,
      drainTo: (writer) => this.#drain(page, offset, bytes, writer),
      discard: ignore,
    }
  }

  #drain(page: number, offset: number, bytes: number, writer: OutputWriter): Maybe {
    if (bytes > PIECE_BYTES) return this.#drainInPieces(page, offset, bytes, writer)
    const read = this.#pages.read(page, offset, bytes)
    if (read instanceof Promise) return read.then((chunk) => writer.write(chunk))
    return writer.write(read) ?? undefined
  }

  async #drainInPieces(page: number, offset: number, bytes: number, writer: OutputWriter): Promise<void> {
    for (let at = 0; at < bytes && writer.broken !== true; at += PIECE_BYTES) {
      await writer.write(await this.#pages.read(page, offset + at, Math.min(PIECE_BYTES, bytes - at)))
    }
  }
}

function totalBytes(chunks: readonly Uint8Array[]): number {
  let bytes = 0
  for (const chunk of chunks) bytes += chunk.length
  return bytes
}

function discard(output: TaskOutput): void {
  output.stdout?.discard()
  output.stderr?.discard()
}
