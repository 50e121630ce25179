import { writev as systemWritev } from 'node:fs'
import { dropBytes } from '../task/drop-bytes.js'
import { type Deferred, deferred } from './maybe.js'

/** Where output goes: standard output, standard error, or a stand-in for one of them. */
export interface OutputWriter {
  /**
   * Takes bytes, or a string as UTF-8; the bytes must not be changed afterwards. A promise says that enough is waiting
   * and resolves when there is room again; it never rejects.
   */
  write(chunk: Uint8Array | string): void | Promise<void>
  /** Resolves when all that was taken has been written or dropped; never rejects. */
  flush?(): Promise<void>
  /** Whether everything is dropped from now on, because nobody can read it. */
  readonly broken?: boolean
  /** Bytes that were taken and are not written yet. */
  readonly queuedBytes?: number
}

/** How the system is asked to write: the signature of `fs.writev`. */
export type Writev = (
  fd: number,
  chunks: Uint8Array[],
  position: null,
  done: (error: NodeJS.ErrnoException | null, bytesWritten?: number) => void,
) => void

export interface FdWriterOptions {
  /**
   * Called once, with the system's code (`EPIPE`, `ENOSPC`, `EIO`, …), when writing has failed for good. Everything that
   * is written later is dropped. Default: nothing is called.
   */
  readonly onBroken?: (error: NodeJS.ErrnoException) => void
  /** So many queued bytes make {@link FdWriter.write} return a promise. Default: 128 KiB. */
  readonly highWaterBytes?: number
  /** Default: `fs.writev`. */
  readonly writev?: Writev
}

const RETRY_FIRST_MS = 1
const RETRY_MOST_MS = 50

/**
 * Writes to a file descriptor, in order and without ever blocking the event loop: a reader that does not read holds up
 * a thread of the pool, not the program. What is queued while a write is under way goes out in one `writev`.
 *
 *   write() ─► queue ─► batch ─► writev ─┬─► all of it: next batch
 *                         ▲              ├─► part of it: the rest again
 *                         └── timer ◄────┼─► EAGAIN: somebody made the descriptor non-blocking; again in a moment
 *                                        └─► other errors: broken, everything is dropped
 */
export class FdWriter implements OutputWriter {
  readonly #fd: number
  readonly #onBroken: ((error: NodeJS.ErrnoException) => void) | undefined
  readonly #highWaterBytes: number
  readonly #writev: Writev
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #writing = false
  #broken = false
  #retryMs = RETRY_FIRST_MS
  #room: Deferred | null = null
  #idle: Deferred | null = null

  constructor(fd: number, options: FdWriterOptions = {}) {
    this.#fd = fd
    this.#onBroken = options.onBroken
    this.#highWaterBytes = options.highWaterBytes ?? 128 * 1024
    this.#writev = options.writev ?? systemWritev
  }

  get broken(): boolean {
    return this.#broken
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  write(chunk: Uint8Array | string): undefined | Promise<void> {
    if (this.#broken) return undefined
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    if (bytes.length === 0) return undefined
    this.#queue.push(bytes)
    this.#queuedBytes += bytes.length
    if (!this.#writing) this.#next()
    if (this.#queuedBytes < this.#highWaterBytes) return undefined
    this.#room ??= deferred()
    return this.#room.promise
  }

  flush(): Promise<void> {
    if (!this.#writing) return Promise.resolve()
    this.#idle ??= deferred()
    return this.#idle.promise
  }

  #next(): void {
    const batch = this.#queue
    this.#writing = batch.length > 0
    if (!this.#writing) {
      this.#idle?.resolve()
      this.#idle = null
      return
    }
    this.#queue = []
    this.#send(batch)
  }

  #send(batch: Uint8Array[]): void {
    this.#writev(this.#fd, batch, null, (error, bytesWritten = 0) => {
      if (error !== null && error.code !== 'EAGAIN') this.#break(error)
      else if (error !== null || bytesWritten === 0) this.#sendLater(batch)
      else this.#sent(batch, bytesWritten)
    })
  }

  #sendLater(batch: Uint8Array[]): void {
    setTimeout(() => this.#send(batch), this.#retryMs)
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MOST_MS)
  }

  #sent(batch: Uint8Array[], bytesWritten: number): void {
    this.#retryMs = RETRY_FIRST_MS
    this.#queuedBytes -= bytesWritten
    if (this.#queuedBytes <= this.#highWaterBytes / 2) this.#makeRoom()
    const rest = dropBytes(batch, bytesWritten)
    if (rest.length > 0) this.#send(rest)
    else this.#next()
  }

  #break(error: NodeJS.ErrnoException): void {
    this.#broken = true
    this.#queue = []
    this.#queuedBytes = 0
    this.#makeRoom()
    this.#next()
    this.#onBroken?.(error)
  }

  #makeRoom(): void {
    this.#room?.resolve()
    this.#room = null
  }
}
