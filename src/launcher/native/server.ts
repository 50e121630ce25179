import type {
  Child,
  ChildEvents,
  JobserverEvents,
  JobserverSpec,
  LauncherJobserver,
  LauncherLock,
  LockOptions,
  SlotsClaim,
  SlotsEvents,
  SlotsSpec,
  StartError,
  StartSpec,
} from '../port.js'
import { checkNotice, tellChild } from './child-notices.js'
import { OUTPUT_CREDIT } from './child-output.js'
import { currentDirectory } from './credentials.js'
import type { EnvironmentMirror } from './environment-mirror.js'
import { type FrameHandler, FrameReader, u32 } from './frame-reader.js'
import { FrameWriter, textBound } from './frame-writer.js'
import type { LauncherLink } from './link.js'
import { NativeChild } from './native-child.js'
import type { Remoteness } from './remoteness.js'
import { ServerAnswers } from './server-answers.js'
import { CLOSED, DIED, NEVER_RAN } from './server-ends.js'
import { ServerJobservers } from './server-jobservers.js'
import { ServerLocks } from './server-locks.js'
import type { ServerConnection, ServerOptions } from './server-options.js'
import { ServerSlots } from './server-slots.js'
import { type Directories, writeStart } from './start-frame.js'
import { Notice, Request } from './wire.js'
import { writeEnvironment } from './write-environment.js'

/**
 * One launcher process and the connection to it:
 *
 *   starting ── ready ──► serving ──────────── its end ──► gone
 *       │                    └── retire: no new children ──┘
 *       └── its end: it does not run here; what was to be started fails
 */
export class Server implements ServerConnection, FrameHandler {
  readonly writer: FrameWriter
  launcherPid: number | null = null
  readonly #options: ServerOptions
  readonly #link: LauncherLink
  readonly #environment: EnvironmentMirror | null
  readonly #directory = currentDirectory()
  readonly #reader = new FrameReader(this)
  readonly #children = new Map<number, NativeChild>()
  readonly #answers = new ServerAnswers(this)
  readonly #locks = new ServerLocks(this)
  readonly #jobservers = new ServerJobservers(this)
  readonly #slots = new ServerSlots(this)
  #holds = 0
  readonly #gone: Promise<void>
  #resolveGone!: () => void
  #isGone = false
  #isReady = false
  #asked = false
  #isTelling = false
  #problem: StartError | null = null

  constructor(options: ServerOptions) {
    this.#options = options
    this.#link = options.link
    this.#environment = options.environment
    this.writer = new FrameWriter((pieces) => this.#send(pieces))
    this.#gone = new Promise((resolve) => {
      this.#resolveGone = resolve
    })
    this.#link.listen({
      onData: (chunk) => this.#read(chunk),
      onEnd: (problem) => {
        this.#problem ??= problem
        this.#end()
      },
    })
    const change = this.#environment?.firstChange() ?? null
    if (change !== null) writeEnvironment(this.writer, change)
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /** Whether it ended before it had said a word. */
  get neverRan(): boolean {
    return this.#isGone && !this.#mayRun && this.#problem === null
  }

  get #mayRun(): boolean {
    return this.#isReady || this.#asked || this.#options.hasRun()
  }

  /** Whether a call of a receiver is being made at this moment. */
  get isTelling(): boolean {
    return this.#isTelling
  }

  /** Has children started from now on get the environment as it is now. */
  refreshEnvironment(): void {
    const change = this.#environment?.change() ?? null
    if (change !== null) writeEnvironment(this.writer, change)
  }

  /** @param remoteness - where it is on another machine. */
  start(number: number, spec: StartSpec, events: ChildEvents, remoteness?: Remoteness): Child {
    const child = new NativeChild(number, spec, events, this, remoteness)
    this.#children.set(number, child)
    const here = { launcher: this.#directory, now: currentDirectory() }
    const directories: Directories = this.#environment === null ? ELSEWHERE : here
    const problem = writeStart(this.writer, number, spec, OUTPUT_CREDIT, directories)
    if (problem === null) child.feed()
    else process.nextTick(() => child.fail(problem))
    return child
  }

  signalTree(signal: number, number: number, pid: number): Promise<number> {
    return this.request(Request.signalTree, 12, () => {
      this.writer.u32(signal)
      this.writer.u32(number)
      this.writer.u32(pid)
    })
  }

  signalScope(scope: string, signal: number): Promise<number> {
    return this.request(Request.signalScope, 4 + textBound(scope), () => {
      this.writer.u32(signal)
      this.writer.text(scope)
    })
  }

  lock(path: string, options: LockOptions): Promise<LauncherLock> {
    return this.#locks.lock(path, options)
  }

  openJobserver(spec: JobserverSpec, events: JobserverEvents): Promise<LauncherJobserver> {
    return this.#jobservers.open(spec, events)
  }

  takeSlots(spec: SlotsSpec, events: SlotsEvents): SlotsClaim {
    return this.#slots.take(spec, events)
  }

  /** Takes no new children; the launcher ends by itself when nothing of what it started is left. */
  retire(): void {
    this.#command(Request.retire)
  }

  /** Has this process's standard input hold more, if it is a pipe and the system allows that. */
  widenInput(): void {
    this.#command(Request.widenInput)
  }

  /** Ends everything; resolves when the launcher has gone. */
  async close(): Promise<void> {
    if (this.#isGone) return
    this.#asked = true
    this.hold(1)
    this.#command(Request.close)
    this.writer.flush()
    await this.#gone
  }

  whenOver(): Promise<void> {
    return this.#link.whenOver()
  }

  /**
   * Asks the launcher whether it is there.
   *
   * @param patienceMs - unless the next one comes within that, it ends; 0 is no limit.
   * @param number - what the answer is known by.
   */
  beat(patienceMs: number, number = 0): void {
    if (this.#isGone) return
    this.writer.begin(Request.heartbeat, 0, number, 4)
    this.writer.u32(patienceMs)
    this.writer.end()
  }

  /**
   * Says how many of the children with a {@link StartSpec.place} may run at once.
   *
   * @param leaseMs - how long after the last word of this side one that waits may still begin; 0 is no limit.
   */
  setPlaces(count: number, leaseMs: number): void {
    if (this.#isGone) return
    this.writer.begin(Request.places, 0, 0, 8)
    this.writer.u32(count)
    this.writer.u32(leaseMs)
    this.writer.end()
  }

  /** Takes it for gone, because it does not answer. */
  abandon(): void {
    this.#link.destroy()
    this.#end()
  }

  hold(count: number): void {
    if (this.#holds === 0 && count > 0) this.#link.ref()
    this.#holds += count
  }

  release(): void {
    this.#holds -= 1
    if (this.#holds === 0) this.#link.unref()
  }

  forget(child: NativeChild): void {
    this.#children.delete(child.number)
  }

  onOutput(number: number, flags: number, chunk: Buffer): void {
    try {
      this.#children.get(number)?.handleOutput(flags, chunk)
    } catch (error) {
      throwLater(error)
    }
  }

  onNotice(type: number, flags: number, number: number, bytes: Buffer, at: number, length: number): void {
    checkNotice(type, length)
    if (type === Notice.ready) {
      this.#isReady = true
      this.#options.onReady?.()
      this.launcherPid = u32(bytes, at + 4)
      return
    }
    if (type === Notice.alive) return this.#options.onAlive?.(number)
    if (type >= Notice.slotsTaken) return this.#slots.handle(type, number, bytes, at)
    if (type >= Notice.jobserverOpened) return this.#jobservers.handle(type, number, bytes, at, length)
    if (type >= Notice.locked) return this.#locks.handle(type, number, bytes, at)
    if (type === Notice.count) return this.#answers.handle(number, u32(bytes, at))
    try {
      const child = this.#children.get(number)
      if (child !== undefined) tellChild(child, type, flags, bytes, at, length)
    } catch (error) {
      throwLater(error)
    }
  }

  /** @returns the number that answers it; 0 when the launcher is gone. */
  request(type: number, bound: number, write: () => void): Promise<number> {
    return this.#isGone ? Promise.resolve(0) : this.#answers.ask(type, bound, write)
  }

  #command(type: number): void {
    if (this.#isGone) return
    this.writer.begin(type, 0, 0, 0)
    this.writer.end()
  }

  #send(pieces: readonly Uint8Array[]): void {
    if (!this.#isGone) this.#link.send(pieces)
  }

  #read(chunk: Buffer): void {
    this.#isTelling = true
    try {
      this.#reader.read(chunk)
    } catch (error) {
      this.#problem = { code: 'ERR_DROVER_LAUNCHER', message: (error as Error).message }
      this.#link.destroy()
    } finally {
      this.#isTelling = false
    }
  }

  #end(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#resolveGone()
    this.#link.destroy()
    this.#options.onGone(this)
    this.#answers.end()
    const mayHaveRun = this.#problem === null && this.#mayRun
    const error = this.#problem ?? (mayHaveRun ? (this.#options.died?.() ?? DIED) : NEVER_RAN)
    for (const child of [...this.#children.values()]) {
      try {
        if (this.#isReady || this.#asked || mayHaveRun) child.lose(error)
        else child.fail(error)
      } catch (thrown) {
        throwLater(thrown)
      }
    }
    this.#children.clear()
    this.#locks.end(this.#asked ? CLOSED : error)
    this.#jobservers.end(this.#asked ? CLOSED : error)
    this.#slots.end(this.#asked ? CLOSED : error)
    this.#holds = 0
  }
}

/** Paths are the launcher's. */
const ELSEWHERE: Directories = { launcher: null, now: null }

/** An error in a receiver is uncaught, as one in a listener of Node's is, but does not cost the others their frames. */
function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
