import { close, open, read, unlink, writev } from 'node:fs'
import { promisify } from 'node:util'
import { dropBytes } from '../task/drop-bytes.js'
import { DroverError } from '../task/errors.js'

/** The system calls that spilling needs, so that tests can let them fail. Default: those of `node:fs`. */
export interface SpillSystem {
  open(path: string, flags: string, mode?: number): Promise<number>
  unlink(path: string): Promise<void>
  close(fd: number): Promise<void>
  writev(fd: number, chunks: readonly Uint8Array[], position: number): Promise<{ bytesWritten: number }>
  read(fd: number, into: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>
}

export const nodeSystem: SpillSystem = {
  open: promisify(open),
  unlink: promisify(unlink),
  close: promisify(close),
  writev: promisify(writev),
  read: promisify(read),
}

/** Where a spill file is: behind a descriptor that is held, or under a path that is opened for each use. */
export interface SpillPlace {
  readonly fd: number | null
  readonly path: string | null
}

/**
 * One private file of bytes, written and read by position. Uses may overlap. With a held descriptor the file has no
 * name any more, so that nothing remains of it if the process is killed.
 */
export class SpillFile {
  readonly #folder: string
  readonly #place: SpillPlace
  readonly #system: SpillSystem
  readonly #open: (path: string) => Promise<number>
  readonly #onClosed: (file: SpillFile) => void
  #uses = 0
  #closing: Promise<void> | null = null
  #lastUse: (() => void) | null = null

  /** Made by a {@link SpillFolder}; `open` opens a path for reading and writing and may wait for a free descriptor. */
  constructor(
    folder: string,
    place: SpillPlace,
    system: SpillSystem,
    open: (path: string) => Promise<number>,
    onClosed: (file: SpillFile) => void,
  ) {
    this.#folder = folder
    this.#place = place
    this.#system = system
    this.#open = open
    this.#onClosed = onClosed
  }

  /** Whether a descriptor is held all the time. */
  get isHeld(): boolean {
    return this.#place.fd !== null
  }

  /** Writes all of the chunks, one after the other. Rejects with `ERR_DROVER_SPILL`, as with a full disk. */
  write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    return this.#use(async (fd) => {
      let rest = chunks
      let at = position
      while (rest.length > 0) {
        const { bytesWritten } = await this.#system.writev(fd, rest, at)
        if (bytesWritten === 0) throw new Error('the system wrote nothing')
        at += bytesWritten
        rest = dropBytes(rest, bytesWritten)
      }
    })
  }

  /** Reads exactly `length` bytes into a new buffer. Rejects with `ERR_DROVER_SPILL`. */
  read(position: number, length: number): Promise<Buffer> {
    return this.#use(async (fd) => {
      const buffer = Buffer.allocUnsafeSlow(length)
      let filled = 0
      while (filled < length) {
        const { bytesRead } = await this.#system.read(fd, buffer, filled, length - filled, position + filled)
        if (bytesRead === 0) throw new Error('the file is shorter than what was written to it')
        filled += bytesRead
      }
      return buffer
    })
  }

  /** Gives the file back to the system, after what is under way. Never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#uses > 0) {
      await new Promise<void>((resolve) => {
        this.#lastUse = resolve
      })
    }
    const { fd, path } = this.#place
    try {
      if (fd !== null) await this.#system.close(fd)
    } catch {
      // The data is not wanted any more.
    }
    try {
      if (path !== null) await this.#system.unlink(path)
    } catch {
      // It goes with its folder at the latest.
    }
    this.#onClosed(this)
  }

  async #use<T>(action: (fd: number) => Promise<T>): Promise<T> {
    this.#uses += 1
    try {
      if (this.#place.fd !== null) return await action(this.#place.fd)
      const fd = await this.#open(this.#place.path!)
      try {
        return await action(fd)
      } finally {
        await this.#system.close(fd)
      }
    } catch (error) {
      throw spillError(this.#folder, error)
    } finally {
      this.#uses -= 1
      if (this.#uses === 0) this.#lastUse?.()
    }
  }
}

/** `ERR_DROVER_SPILL`: output that outgrew memory could not be kept in `folder`. */
export function spillError(folder: string, cause: unknown): DroverError {
  if (cause instanceof DroverError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new DroverError(
    'ERR_DROVER_SPILL',
    `cannot keep output that outgrew memory in ${folder}: ${reason}. Make room there, or name another folder with --tmpdir`,
    { cause },
  )
}

/** Whether the process or the system has no descriptor left just now. */
export function isOutOfDescriptors(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'EMFILE' || code === 'ENFILE'
}
