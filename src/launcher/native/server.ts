import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'
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
import { currentDirectory } from './credentials.js'
import { type EnvironmentChange, EnvironmentMirror } from './environment-mirror.js'
import { type FrameHandler, FrameReader, u32 } from './frame-reader.js'
import { FrameWriter, textBound } from './frame-writer.js'
import { NativeChild, OUTPUT_CREDIT } from './native-child.js'
import { ServerJobservers } from './server-jobservers.js'
import { ServerLocks } from './server-locks.js'
import { ServerSlots } from './server-slots.js'
import { type Directories, writeStart } from './start-frame.js'
import { Notice, PROTOCOL_VERSION, Request } from './wire.js'

/** What a child needs of the connection to its launcher. */
export interface ServerConnection {
  readonly writer: FrameWriter
  /** Null where not known. */
  readonly launcherPid: number | null
  /** Keeps the event loop alive until as many {@link release} have come. */
  hold(count: number): void
  release(): void
  forget(child: NativeChild): void
  signalTree(signal: number, number: number, pid: number): Promise<number>
}

export interface ServerOptions {
  readonly binary: string
  /** Whether what children leave behind outlives the launcher. */
  readonly keep: boolean
  /** Whether one from this binary has run here before; then a sudden end is a death, and does not mean that it cannot run. */
  readonly hasRun: () => boolean
  /** Called when the launcher has said its first word. */
  readonly onReady: () => void
  /** Called once, when the launcher is gone. */
  readonly onGone: (server: Server) => void
}

/**
 * One launcher process and the connection to it:
 *
 *   starting ── ready ──► serving ──────────── its end ──► gone
 *       │                    └── retire: no new children ──┘
 *       └── its end: it does not run here; what was to be started fails
 */
export class Server implements ServerConnection, FrameHandler {
  readonly writer: FrameWriter
  /** Of both halves; null where not known. */
  guardianPid: number | null = null
  launcherPid: number | null = null
  readonly #options: ServerOptions
  readonly #environment = new EnvironmentMirror()
  readonly #directory = currentDirectory()
  readonly #process: ChildProcess
  readonly #socket: Socket | null
  readonly #reader = new FrameReader(this)
  readonly #children = new Map<number, NativeChild>()
  readonly #answers = new Map<number, (count: number) => void>()
  readonly #locks = new ServerLocks(this)
  readonly #jobservers = new ServerJobservers(this)
  readonly #slots = new ServerSlots(this)
  #requests = 0
  #holds = 0
  readonly #gone: Promise<void>
  #resolveGone!: () => void
  #isGone = false
  #isReady = false
  #asked = false
  #isTelling = false
  #problem: StartError | null = null

  /** @throws the system's error when the process cannot be started. */
  constructor(options: ServerOptions) {
    this.#options = options
    this.#process = spawn(options.binary, [String(PROTOCOL_VERSION), options.keep ? 'keep' : 'end'], {
      stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
      detached: true,
      env: this.#environment.initial,
    })
    this.#process.unref()
    this.#process.on('error', (error: NodeJS.ErrnoException) => {
      const { code = 'ERR_DROVER_LAUNCHER', message } = error
      this.#problem = { code, message: `the launcher could not be started: ${message}` }
      this.#end()
    })
    this.guardianPid = this.#process.pid ?? null
    // Without a process there may be no streams either, and 'error' follows.
    this.#socket = (this.#process.stdio?.[3] ?? null) as Socket | null
    this.writer = new FrameWriter((pieces) => this.#send(pieces))
    this.#gone = new Promise((resolve) => {
      this.#resolveGone = resolve
    })
    this.#socket?.once('close', () => this.#end())
    this.#socket?.on('error', () => {})
    this.#socket?.on('data', (chunk: Buffer) => this.#read(chunk))
    this.#socket?.unref()
    const change = this.#environment.firstChange()
    if (change !== null) this.#sendEnvironment(change)
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
    const change = this.#environment.change()
    if (change !== null) this.#sendEnvironment(change)
  }

  start(number: number, spec: StartSpec, events: ChildEvents): Child {
    const child = new NativeChild(number, spec, events, this)
    this.#children.set(number, child)
    const directories: Directories = { launcher: this.#directory, now: currentDirectory() }
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
    const { exitCode, signalCode, pid } = this.#process
    if (exitCode !== null || signalCode !== null || pid === undefined) return Promise.resolve()
    this.#process.ref()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LONGEST_FAREWELL_MS)
      this.#process.once('exit', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  hold(count: number): void {
    if (this.#holds === 0 && count > 0) this.#socket?.ref()
    this.#holds += count
  }

  release(): void {
    this.#holds -= 1
    if (this.#holds === 0) this.#socket?.unref()
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
      this.#options.onReady()
      this.launcherPid = u32(bytes, at + 4)
      return
    }
    if (type >= Notice.slotsTaken) return this.#slots.handle(type, number, bytes, at)
    if (type >= Notice.jobserverOpened) return this.#jobservers.handle(type, number, bytes, at, length)
    if (type >= Notice.locked) return this.#locks.handle(type, number, bytes, at)
    if (type === Notice.count) {
      const answer = this.#answers.get(number)
      this.#answers.delete(number)
      this.release()
      answer?.(u32(bytes, at))
      return
    }
    try {
      const child = this.#children.get(number)
      if (child !== undefined) tellChild(child, type, flags, bytes, at, length)
    } catch (error) {
      throwLater(error)
    }
  }

  /** @returns the number that answers it; 0 when the launcher is gone. */
  request(type: number, bound: number, write: () => void): Promise<number> {
    if (this.#isGone) return Promise.resolve(0)
    this.#requests += 1
    const id = this.#requests
    this.writer.begin(type, 0, id, bound)
    write()
    this.writer.end()
    this.hold(1)
    return new Promise((resolve) => this.#answers.set(id, resolve))
  }

  #command(type: number): void {
    if (this.#isGone) return
    this.writer.begin(type, 0, 0, 0)
    this.writer.end()
  }

  #sendEnvironment({ set, removed }: EnvironmentChange): void {
    const texts = [...set, ...removed]
    this.writer.begin(Request.environment, 0, 0, 8 + texts.reduce((sum, text) => sum + textBound(text), 0))
    this.writer.u32(set.length)
    this.writer.u32(removed.length)
    for (const text of texts) this.writer.text(text)
    this.writer.end()
  }

  #send(pieces: readonly Uint8Array[]): void {
    if (this.#isGone || this.#socket === null || this.#socket.destroyed) return
    if (pieces.length === 1) {
      this.#socket.write(pieces[0]!)
      return
    }
    this.#socket.cork()
    for (const piece of pieces) this.#socket.write(piece)
    this.#socket.uncork()
  }

  #read(chunk: Buffer): void {
    this.#isTelling = true
    try {
      this.#reader.read(chunk)
    } catch (error) {
      this.#problem = { code: 'ERR_DROVER_LAUNCHER', message: (error as Error).message }
      this.#socket?.destroy()
    } finally {
      this.#isTelling = false
    }
  }

  #end(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#resolveGone()
    this.#socket?.destroy()
    this.#options.onGone(this)
    for (const answer of this.#answers.values()) answer(0)
    this.#answers.clear()
    const error = this.#problem ?? (this.#mayRun ? DIED : NEVER_RAN)
    for (const child of [...this.#children.values()]) {
      try {
        if (this.#isReady || this.#asked || error === DIED) child.lose(error)
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

/** How long the other half may take to end everything and to give back what was held. */
const LONGEST_FAREWELL_MS = 5_000

const DIED: StartError = {
  code: 'ERR_DROVER_LAUNCHER_DIED',
  message: 'the launcher died under the child; everything that it had started is being ended',
}
const CLOSED: StartError = { code: 'ERR_DROVER_CLOSED', message: 'the launcher was closed' }
const NEVER_RAN: StartError = {
  code: 'ERR_DROVER_LAUNCHER',
  message: 'the native launcher does not run here: it ended at once; DROVER_LAUNCHER=node does without it',
}

/** An error in a receiver is uncaught, as one in a listener of Node's is, but does not cost the others their frames. */
function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
