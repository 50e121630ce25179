import { dropBytes } from '../task/drop-bytes.js'
import { type AppendSystem, fileSystem } from './append-system.js'
import { JournalError, journalErrorOf } from './journal-error.js'

/** When what was written is forced to the disk: before it counts as written, every {@link SYNC_MS}, or by the system. */
export type Fsync = 'always' | 'interval' | 'never'

/** With `interval`, what a power cut can take at the most, in milliseconds. */
export const SYNC_MS = 1_000

interface Waiting {
  readonly pieces: readonly Uint8Array[]
  readonly resolve: () => void
  readonly reject: (error: JournalError) => void
}

/** No single call takes more pieces than this (IOV_MAX is 1,024). */
const MOST_PIECES = 1_000

/**
 * Appends records to a file, whole ones only. While one batch is being written the next one gathers:
 *
 *   append() ─► waiting ─► batch ─► writev ─┬─► all of it ─► (sync) ─► resolved
 *                                           ├─► a part: the rest again
 *                                           └─► error ─► cut back to the last whole record ─► failed for good
 *
 * After an error nothing is written any more: what came before it stands, and nothing that is later can hide that
 * something is missing.
 */
export class AppendFile {
  readonly #fd: number
  readonly #path: string
  readonly #fsync: Fsync
  readonly #system: AppendSystem
  readonly #timer: NodeJS.Timeout
  readonly #ended = new AbortController()
  #size: number
  #waiting: Waiting[] = []
  #isWriting = false
  #isDirty = false
  #failure: JournalError | null = null
  /** The last look after the file, which the next one waits for. */
  #looked: Promise<void> = Promise.resolve()
  #onIdle: (() => void)[] = []

  /**
   * @param fd - open for appending.
   * @param path - for messages.
   * @param size - of the file now, which ends with a whole record.
   */
  constructor(fd: number, path: string, size: number, fsync: Fsync, calls: AppendSystem = fileSystem()) {
    this.#fd = fd
    this.#path = path
    this.#size = size
    this.#fsync = fsync
    this.#system = calls
    this.#timer = setInterval(() => void this.#look(), SYNC_MS).unref()
  }

  /** What has gone wrong, or null. */
  get failure(): JournalError | null {
    return this.#failure
  }

  /** Aborted when nothing is taken any more, with the error that says why. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  /**
   * Resolves when the record is in the file; with `always`, on the disk.
   *
   * @param pieces - of one whole record; they must not be changed meanwhile.
   * @throws (as a rejection) JournalError when it is not, now and ever after; and once it was finished.
   */
  append(pieces: readonly Uint8Array[]): Promise<void> {
    if (this.ended.aborted) return Promise.reject(this.ended.reason)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ pieces, resolve, reject })
      if (!this.#isWriting) void this.#writeAll()
    })
  }

  /**
   * Waits for what was appended and, unless with `never`, forces it to the disk. Takes nothing more; the descriptor stays open.
   *
   * @throws (as a rejection) JournalError when that failed, or the file is gone.
   */
  async finish(): Promise<void> {
    clearInterval(this.#timer)
    // The descriptor may be closed after this, and its number stand for another file.
    this.#ended.abort(new JournalError(this.#path, 'has been closed'))
    if (this.#isWriting) await new Promise<void>((resolve) => this.#onIdle.push(resolve))
    await this.#look()
    if (this.#failure !== null) throw this.#failure
  }

  /** Ends the writing: what waits is rejected with the error, and so is all that comes later. */
  fail(error: JournalError): void {
    this.#failure ??= error
    this.#ended.abort(this.#failure)
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure)
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true
    while (this.#waiting.length > 0 && this.#failure === null) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await this.#write(batch.flatMap(({ pieces }) => pieces))
        if (this.#fsync === 'always') await this.#system.sync(this.#fd)
        for (const { resolve } of batch) resolve()
      } catch (error) {
        this.fail(journalErrorOf(this.#path, 'written to', error))
        for (const { reject } of batch) reject(this.#failure!)
        await this.#cutBack()
      }
    }
    this.#isWriting = false
    for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  async #write(pieces: readonly Uint8Array[]): Promise<void> {
    let rest: readonly Uint8Array[] = pieces
    let written = 0
    while (rest.length > 0) {
      const count = await this.#system.writev(this.#fd, rest.slice(0, MOST_PIECES))
      written += count
      rest = dropBytes(rest, count)
    }
    this.#size += written
    this.#isDirty = true
  }

  /** What was written of a record that did not fit: on a full disk there is room to take away, though not to add. */
  async #cutBack(): Promise<void> {
    await this.#system.truncate(this.#fd, this.#size).catch(() => {})
  }

  #look(): Promise<void> {
    this.#looked = this.#looked.then(() => this.#lookNow())
    return this.#looked
  }

  async #lookNow(): Promise<void> {
    if (this.#failure !== null) return
    try {
      if ((await this.#system.links(this.#fd)) === 0) {
        throw new JournalError(this.#path, 'was deleted while the run went on; what it held is lost')
      }
      if (!this.#isDirty || this.#fsync !== 'interval') return
      this.#isDirty = false
      await this.#system.sync(this.#fd)
    } catch (error) {
      this.fail(journalErrorOf(this.#path, 'forced to the disk', error))
    }
  }
}
