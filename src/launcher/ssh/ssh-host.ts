import { Server } from '../native/server.js'
import { failedStart, NO_CHILD } from '../no-child.js'
import type { Child, ChildEvents, StartSpec } from '../port.js'
import { CarriedFiles } from './carried-files.js'
import { connect, type HostConnection } from './connect.js'
import type { Host, HostEvents } from './host.js'
import type { HostSpec } from './host-list.js'
import { LocalFiles } from './local-files.js'
import { Pace } from './pace.js'
import { problemOfStart, remoteFolder, remoteSpec, type Surroundings } from './remote-start.js'

export interface SshHostOptions extends Surroundings {
  /** Milliseconds without a word after which either side takes the other for gone. */
  readonly silenceMs: number
  /** Milliseconds that a connection may take. */
  readonly connectTimeoutMs: number
}

/** A host that was lost is tried again, at first after so long and then after twice as long each time. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** So often in a row; about two minutes. */
const MOST_TRIES = 9
/** One that was up for so long has not just failed. */
const PROVEN_MS = 10_000
/** Of the silence that is allowed, in which one word is to come. */
const BEATS = 4
/** As long as something waits there for its turn, there is a word that often, and none of it begins when none has come for so long. */
const WORD_MS = 300
const LEASE_MS = 1_000

/**
 * A machine behind ssh, with a launcher there:
 *
 *   closed ─ open ─► connecting ─── up ──────── lost ──► a pause ──┐
 *                       │  ▲                                       │
 *                       │  └───────────────────────────────────────┘
 *                       └─ the first time, or too often in a row ──► left out
 */
export class SshHost implements Host {
  readonly name: string
  readonly #given: number | null
  readonly #options: SshHostOptions
  #slots = 0
  #state: Host['state'] = 'closed'
  #events: HostEvents | null = null
  #aborter = new AbortController()
  #connecting: Promise<void> | null = null
  #connection: HostConnection | null = null
  #server: Server | null = null
  #started = 0
  #tries = 0
  #pause: NodeJS.Timeout | null = null
  #beats: NodeJS.Timeout | null = null
  #unanswered = 0
  #isSilent = false
  #pace = new Pace()
  #places = 0
  #words: NodeJS.Timeout | null = null

  constructor({ name, slots }: HostSpec, options: SshHostOptions) {
    this.name = name
    this.#given = slots
    this.#options = options
  }

  get state(): Host['state'] {
    return this.#state
  }

  get slots(): number {
    return this.#slots
  }

  open(events: HostEvents): void {
    this.#events = events
    this.#tries = 0
    this.#aborter = new AbortController()
    this.#connect(true)
  }

  start(spec: StartSpec, events: ChildEvents): Child {
    const problem = problemOfStart(spec)
    if (problem !== null) return failedStart(problem, events)
    if (spec.files === undefined) return this.#start(remoteSpec(spec, this.#options), events)
    return new CarriedFiles(spec, events, {
      start: (own, listener) => this.#start(remoteSpec(own, this.#options), listener),
      startHelper: (helper, listener) => this.#start(helper, listener),
      folder: remoteFolder(spec, this.#options),
      cleanup: this.#options.cleanup,
    })
  }

  #start(remote: StartSpec, events: ChildEvents): Child {
    const server = this.#server
    if (server === null) {
      const error = { code: 'ERR_DROVER_HOST_LOST', message: `the connection to ${this.name} ended before the start` }
      process.nextTick(() => events.onLost(error))
      return NO_CHILD
    }
    this.#started += 1
    const remoteness = {
      host: this.name,
      delayMs: () => this.#pace.tripMs / 2,
      onEnd: (durationMs: number) => {
        if (remote.place !== undefined) this.#pace.onEnd(durationMs)
      },
    }
    if (!LocalFiles.has(remote)) return server.start(this.#started, remote, events, remoteness)
    try {
      const files = new LocalFiles(remote, events)
      return files.attach(server.start(this.#started, files.spec, files, remoteness))
    } catch (error) {
      const { code = 'ERR_DROVER_SPAWN', message } = error as NodeJS.ErrnoException
      return failedStart({ code, message }, events)
    }
  }

  addPlace(): () => void {
    const server = this.#server
    this.#setPlaces(server, 1)
    return () => this.#setPlaces(server, -1)
  }

  ahead(running: number): number {
    return this.#isSilent ? 0 : this.#pace.ahead(running)
  }

  noteAhead(count: number): void {
    if (count > 0) {
      this.#words ??= setInterval(() => this.#server?.beat(this.#patienceMs, this.#pace.ask()), WORD_MS)
      this.#words.unref()
    } else if (this.#words !== null) {
      clearInterval(this.#words)
      this.#words = null
    }
  }

  signalScope(scope: string, signal: number): Promise<number> {
    return this.#server?.signalScope(scope, signal) ?? Promise.resolve(0)
  }

  /** Word of it may be the last for long. */
  expectSilence(silent: boolean): void {
    this.#isSilent = silent
    this.#unanswered = 0
    this.#server?.beat(this.#patienceMs)
    this.#server?.writer.flush()
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    this.#events = null
    this.#aborter.abort()
    if (this.#pause !== null) clearTimeout(this.#pause)
    await this.#connecting
    const connection = this.#connection
    await this.#server?.close()
    await connection?.link.whenOver()
  }

  #connect(isFirst: boolean): void {
    this.#state = 'connecting'
    this.#pause = null
    const { signal } = this.#aborter
    this.#connecting = connect(this.name, { timeoutMs: this.#options.connectTimeoutMs, signal }).then(
      (connection) => {
        if (signal.aborted) connection.link.destroy()
        else this.#serve(connection)
      },
      (error: Error) => {
        if (signal.aborted) return
        if (isFirst || this.#tries >= MOST_TRIES) this.#leaveOut(error.message)
        else this.#connectLater()
      },
    )
  }

  #serve(connection: HostConnection): void {
    const { link, cpus } = connection
    const sinceMs = performance.now()
    this.#connection = connection
    this.#slots = this.#given ?? cpus
    this.#state = 'up'
    this.#unanswered = 0
    this.#places = 0
    this.#pace = new Pace()
    const server = new Server({
      link,
      environment: null,
      hasRun: () => true,
      died: () => ({
        code: 'ERR_DROVER_HOST_LOST',
        message: `${this.#lossOf(connection)}; what ran there is being ended`,
      }),
      onAlive: (question) => {
        this.#unanswered = 0
        this.#pace.onAnswer(question)
      },
      onGone: () => this.#onGone(connection, performance.now() - sinceMs),
    })
    this.#server = server
    const { silenceMs } = this.#options
    server.beat(this.#patienceMs, this.#pace.ask())
    this.#beats = setInterval(() => this.#beat(server), silenceMs / BEATS)
    this.#beats.unref()
    this.#events?.onChange()
  }

  get #patienceMs(): number {
    return this.#isSilent ? 0 : this.#options.silenceMs
  }

  /** Counts words and not time: after a stop of this process the answers are there, and only wait to be read. */
  #beat(server: Server): void {
    if (this.#unanswered >= BEATS) return server.abandon()
    this.#unanswered += 1
    server.beat(this.#patienceMs, this.#pace.ask())
  }

  /** @param server - of the connection that the place is of; what it was for is over if that has ended. */
  #setPlaces(server: Server | null, change: 1 | -1): void {
    if (server === null || server !== this.#server) return
    this.#places += change
    server.setPlaces(this.#places, LEASE_MS + Math.ceil(this.#pace.tripMs))
  }

  #onGone(connection: HostConnection, wasUpMs: number): void {
    if (this.#beats !== null) clearInterval(this.#beats)
    this.#beats = null
    this.#server = null
    this.#connection = null
    if (this.#events === null) return
    const events = this.#events
    if (wasUpMs > PROVEN_MS) this.#tries = 0
    // Its children are told first.
    this.#state = 'connecting'
    process.nextTick(() => {
      if (this.#events !== events) return
      events.onWarning(`${this.#lossOf(connection)}; its tasks are lost, and it is tried again`)
      if (this.#tries >= MOST_TRIES) this.#leaveOut(this.#lossOf(connection))
      else this.#connectLater()
    })
  }

  #lossOf({ link }: HostConnection): string {
    const words = link.words === '' ? '' : ` (${link.words})`
    return `the connection to ${this.name} ended${words}`
  }

  #connectLater(): void {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#tries)
    this.#tries += 1
    this.#pause = setTimeout(() => this.#connect(false), pauseMs)
    this.#pause.unref()
  }

  #leaveOut(reason: string): void {
    this.#state = 'left-out'
    this.#events?.onLeftOut(reason)
  }
}
