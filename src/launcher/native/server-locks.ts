import { resolve } from 'node:path'
import { DroverError } from '../../task/errors.js'
import type { LauncherLock, LockOptions, StartError } from '../port.js'
import { u32 } from './frame-reader.js'
import { type FrameWriter, textBound } from './frame-writer.js'
import { lockErrorOf } from './start-errors.js'
import { LockFlag, Notice, Request } from './wire.js'

/** What locks need of the connection to their launcher. */
export interface LockConnection {
  readonly writer: FrameWriter
  hold(count: number): void
  release(): void
  /** Resolves when the launcher, which has died, has been survived by nothing of what it held and started; or after five seconds. */
  whenOver(): Promise<void>
}

/**
 * The locks that one launcher holds, or waits for:
 *
 *   asked ── locked ──► held ── release ──► returning ── unlocked ──► forgotten
 *     │                   └── the launcher dies: lost ──► forgotten
 *     ├── refused ──► forgotten
 *     └── aborted ──► returning
 */
export class ServerLocks {
  readonly #connection: LockConnection
  readonly #locks = new Map<number, NativeLock>()
  #count = 0

  constructor(connection: LockConnection) {
    this.#connection = connection
  }

  lock(path: string, options: LockOptions): Promise<LauncherLock> {
    this.#count += 1
    const number = this.#count
    const absolute = resolve(path)
    const { writer } = this.#connection
    const flags = (options.shared === true ? LockFlag.shared : 0) | (options.wait === true ? LockFlag.wait : 0)
    writer.begin(Request.lock, flags, number, 4 + textBound(absolute))
    writer.u32(process.pid)
    writer.text(absolute)
    writer.end()
    const lock = new NativeLock(absolute, options.signal, this.#connection, () => {
      writer.begin(Request.unlock, 0, number, 0)
      writer.end()
    })
    this.#locks.set(number, lock)
    return lock.taken
  }

  handle(type: number, number: number, bytes: Buffer, at: number): void {
    const lock = this.#locks.get(number)
    if (lock === undefined) return
    if (type === Notice.locked) return lock.handleLocked()
    if (type === Notice.lockFailed) lock.handleFailed(u32(bytes, at), u32(bytes, at + 4))
    // The answer to a withdrawal is still to come then.
    if (type === Notice.unlocked || !lock.isReturning) this.#locks.delete(number)
    if (type === Notice.unlocked) lock.handleUnlocked()
  }

  /** The launcher is gone. */
  end(error: StartError): void {
    for (const lock of this.#locks.values()) lock.lose(error)
    this.#locks.clear()
  }
}

class NativeLock implements LauncherLock {
  readonly path: string
  readonly taken: Promise<LauncherLock>
  readonly #lost = new AbortController()
  readonly #signal: AbortSignal | undefined
  readonly #connection: LockConnection
  readonly #unlock: () => void
  #state: 'asked' | 'held' | 'returning' | 'forgotten' = 'asked'
  #resolve!: (lock: LauncherLock) => void
  #reject!: (reason: unknown) => void
  #returned: Promise<void> | null = null
  #resolveReturned: (() => void) | null = null
  readonly #onAbort = () => {
    this.#endAsking()
    void this.#return()
    this.#reject(this.#signal?.reason)
  }

  constructor(path: string, signal: AbortSignal | undefined, connection: LockConnection, unlock: () => void) {
    this.path = path
    this.#signal = signal
    this.#connection = connection
    this.#unlock = unlock
    connection.hold(1)
    this.taken = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  get isReturning(): boolean {
    return this.#state === 'returning'
  }

  release(): Promise<void> {
    return this.#state === 'held' ? this.#return() : (this.#returned ?? Promise.resolve())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }

  handleLocked(): void {
    if (this.#state !== 'asked') return
    this.#state = 'held'
    this.#endAsking()
    this.#resolve(this)
  }

  handleFailed(errno: number, holder: number): void {
    if (this.#state !== 'asked') return
    this.#state = 'forgotten'
    this.#endAsking()
    this.#reject(lockErrorOf(errno, holder, this.path))
  }

  handleUnlocked(): void {
    this.#state = 'forgotten'
    this.#connection.release()
    this.#resolveReturned?.()
  }

  lose(error: StartError): void {
    const state = this.#state
    this.#state = 'forgotten'
    const reason = new DroverError(error.code, `the lock on ${this.path} is lost: ${error.message}`)
    if (state === 'asked') {
      this.#endAsking()
      this.#reject(reason)
    }
    if (state === 'held') this.#lost.abort(reason)
    if (state === 'returning') this.handleUnlocked()
  }

  #endAsking(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#connection.release()
  }

  #return(): Promise<void> {
    this.#state = 'returning'
    this.#connection.hold(1)
    this.#unlock()
    this.#returned = new Promise((resolve) => {
      this.#resolveReturned = resolve
    })
    return this.#returned
  }
}
