import { DroverError } from '../../task/errors.js'
import type { JobserverEvents, JobserverSpec, LauncherJobserver, StartError } from '../port.js'
import { u32 } from './frame-reader.js'
import { textBound } from './frame-writer.js'
import type { LockConnection } from './server-locks.js'
import { systemErrorOf } from './start-errors.js'
import { JOBSERVER_CREATE, Notice, Request } from './wire.js'

/** The jobservers that one launcher has open. */
export class ServerJobservers {
  readonly #connection: LockConnection
  readonly #jobservers = new Map<number, NativeJobserver>()
  #count = 0

  constructor(connection: LockConnection) {
    this.#connection = connection
  }

  open(spec: JobserverSpec, events: JobserverEvents): Promise<LauncherJobserver> {
    this.#count += 1
    const number = this.#count
    const { writer } = this.#connection
    const [read, write] =
      'fifo' in spec ? [spec.fifo, spec.fifo] : [spec.read, spec.write].map((fd) => `/proc/${process.pid}/fd/${fd}`)
    const flags = 'fifo' in spec && spec.create === true ? JOBSERVER_CREATE : 0
    writer.begin(Request.jobserverOpen, flags, number, textBound(read!) + textBound(write!))
    writer.text(read!)
    writer.text(write!)
    writer.end()
    const what = 'fifo' in spec ? spec.fifo : `the descriptors ${spec.read} and ${spec.write}`
    const jobserver = new NativeJobserver(number, what, spec.keepsAlive ?? true, events, this.#connection)
    this.#jobservers.set(number, jobserver)
    return jobserver.opened
  }

  handle(type: number, number: number, bytes: Buffer, at: number, length: number): void {
    const jobserver = this.#jobservers.get(number)
    if (jobserver === undefined) return
    if (type === Notice.jobserverClosed) this.#jobservers.delete(number)
    switch (type) {
      case Notice.jobserverOpened: {
        const errno = u32(bytes, at)
        if (errno !== 0) this.#jobservers.delete(number)
        return jobserver.handleOpened(errno)
      }
      case Notice.tokens:
        return jobserver.handleTokens(Buffer.from(bytes.subarray(at, at + length)))
      case Notice.jobserverLost:
        return jobserver.lose(systemErrorOf(u32(bytes, at)))
      case Notice.jobserverDrained:
        return jobserver.handleDrained()
      case Notice.jobserverClosed:
        return jobserver.handleClosed()
    }
  }

  /** The launcher is gone. */
  end(error: StartError): void {
    for (const jobserver of this.#jobservers.values()) jobserver.lose(error, true)
    this.#jobservers.clear()
  }
}

class NativeJobserver implements LauncherJobserver {
  readonly opened: Promise<LauncherJobserver>
  readonly #number: number
  readonly #what: string
  readonly #keepsAlive: boolean
  readonly #events: JobserverEvents
  readonly #connection: LockConnection
  #resolve!: (jobserver: LauncherJobserver) => void
  #reject!: (error: unknown) => void
  #state: 'opening' | 'open' | 'closing' | 'gone' = 'opening'
  /** With its launcher, whose other half gives back what was taken. */
  #isLost = false
  #wanted = 0
  /** Answers to {@link drain} that are still to come; what is told until then is void. */
  #draining = 0
  #closed: Promise<void> | null = null
  #resolveClosed: (() => void) | null = null

  constructor(number: number, what: string, keepsAlive: boolean, events: JobserverEvents, connection: LockConnection) {
    this.#number = number
    this.#what = what
    this.#keepsAlive = keepsAlive
    this.#events = events
    this.#connection = connection
    connection.hold(1)
    this.opened = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  want(count: number): void {
    if (this.#state !== 'open' || count === this.#wanted) return
    const { writer } = this.#connection
    writer.begin(Request.jobserverWant, 0, this.#number, 4)
    writer.u32(count)
    writer.end()
    this.#setWanted(count)
  }

  give(tokens: Uint8Array): void {
    if (this.#state === 'open' && tokens.length > 0) this.#send(Request.jobserverGive, tokens)
  }

  drain(): void {
    if (this.#state !== 'open') return
    this.#send(Request.jobserverDrain)
    this.#draining += 1
    this.#setWanted(0)
  }

  close(): Promise<void> {
    if (this.#state === 'gone') return this.#isLost ? this.#connection.whenOver() : Promise.resolve()
    if (this.#closed !== null) return this.#closed
    this.#setWanted(0)
    this.#state = 'closing'
    this.#connection.hold(1)
    this.#send(Request.jobserverClose)
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    return this.#closed
  }

  handleOpened(errno: number): void {
    if (this.#state !== 'opening') return
    this.#connection.release()
    if (errno === 0) {
      this.#state = 'open'
      return this.#resolve(this)
    }
    this.#state = 'gone'
    const { code, message } = systemErrorOf(errno)
    this.#reject(new DroverError(code, `the jobserver ${this.#what} cannot be opened: ${message}`))
  }

  handleTokens(tokens: Buffer): void {
    if (this.#state !== 'open' || this.#draining > 0) return
    this.#setWanted(0)
    this.#events.onTokens(tokens)
  }

  handleDrained(): void {
    this.#draining -= 1
  }

  handleClosed(): void {
    this.#state = 'gone'
    this.#connection.release()
    this.#resolveClosed?.()
  }

  lose(error: StartError, withLauncher = false): void {
    const state = this.#state
    if (state === 'closing') return this.handleClosed()
    if (state === 'gone') return
    this.#setWanted(0)
    this.#state = 'gone'
    this.#isLost = withLauncher
    const message = `the jobserver ${this.#what} is lost: ${error.message}`
    if (state === 'open') return this.#events.onLost({ code: error.code, message })
    this.#connection.release()
    this.#reject(new DroverError(error.code, message))
  }

  #send(type: number, bytes: Uint8Array = NOTHING): void {
    this.#connection.writer.bytes(type, this.#number, bytes)
  }

  /** While something is wanted the event loop must not end, unless the one who asks sees to that. */
  #setWanted(count: number): void {
    if (this.#keepsAlive && this.#wanted === 0 && count > 0) this.#connection.hold(1)
    if (this.#keepsAlive && this.#wanted > 0 && count === 0) this.#connection.release()
    this.#wanted = count
  }
}

const NOTHING = new Uint8Array(0)
