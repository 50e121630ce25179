import { constants } from 'node:os'
import { isRead } from '../output-spec.js'
import type { Child, ChildEvents, OutputStream, StartError, StartSpec } from '../port.js'
import { ChildInput, type InputSink } from './child-input.js'
import { type DirectEvents, DirectStreams } from './direct-streams.js'
import type { ServerConnection } from './server.js'
import { inputErrorOf, startErrorOf } from './start-errors.js'
import { isDirect } from './start-options.js'
import { DIRECT_TAKEN, ExitFlag, Request } from './wire.js'

/** How much of a stream the launcher may send before it hears that some was consumed. */
export const OUTPUT_CREDIT = 524_288
const CREDIT_STEP = OUTPUT_CREDIT / 2

/** What is written before it has been started: at so much the writer is asked to wait. */
const MOST_EARLY_BYTES = 65_536

interface Output {
  open: boolean
  paused: boolean
  /** Closed by us; what still arrives is dropped. */
  closing: boolean
  released: boolean
  /** Consumed, and not yet given back as credit. */
  consumed: number
  /** How many bytes the receiver knows of, where they are only counted. */
  counted: number
}

/** What the notice of an exit carries. */
export interface ExitNotice {
  readonly flags: number
  readonly status: number
  readonly cpuUserMs: number
  readonly cpuSystemMs: number
  readonly maxRssBytes: number
  readonly durationMs: number
}

/** What is known of a child on another machine besides. */
export interface Remoteness {
  /** The name of the machine. */
  readonly host: string
  /** Milliseconds that a word takes from there. */
  readonly delayMs: () => number
  readonly onEnd: (durationMs: number) => void
}

/**
 * One child of the launcher:
 *
 *   starting ── spawned ──► running ── exit ──► ended, streams may still be open ──► forgotten
 *       └────── failed ──► forgotten     └── the launcher dies: lost ──► forgotten
 */
export class NativeChild implements Child, InputSink {
  pid: number | null = null
  readonly number: number
  readonly #remoteness: Remoteness | undefined
  readonly #spec: StartSpec
  readonly #events: ChildEvents
  readonly #server: ServerConnection
  readonly #stdout: Output
  readonly #stderr: Output
  #input: ChildInput | null = null
  /** What is to be written to a direct child that has not been started yet. */
  #early: { readonly chunks: Uint8Array[]; bytes: number; isEnded: boolean } | null = null
  #direct: DirectStreams | null = null
  #inputIsClosed = false
  #state: 'starting' | 'running' | 'ended' = 'starting'
  #forgotten = false
  /** What keeps the event loop alive: the process, and each open stream. */
  #holds: number
  #isReferenced = true

  constructor(number: number, spec: StartSpec, events: ChildEvents, server: ServerConnection, remoteness?: Remoteness) {
    this.number = number
    this.#remoteness = remoteness
    this.#spec = spec
    this.#events = events
    this.#server = server
    this.#stdout = newOutput(isRead(spec.stdout))
    this.#stderr = newOutput(isRead(spec.stderr))
    if (isDirect(spec)) this.#early = { chunks: [], bytes: 0, isEnded: false }
    else if (spec.stdin.from === 'pipe' || spec.stdin.from === 'bytes') this.#input = new ChildInput(this)
    this.#holds = 1 + Number(this.#stdout.open) + Number(this.#stderr.open)
    server.hold(this.#holds)
  }

  get host(): string | undefined {
    return this.#remoteness?.host
  }

  /** To be called after the frame that starts it. */
  feed(): void {
    if (this.#spec.stdin.from !== 'bytes') return
    this.#input?.write(this.#spec.stdin.bytes)
    this.#input?.end()
  }

  write(...chunks: readonly (Uint8Array | string)[]): boolean {
    if (this.#input === null) {
      const pieces = chunks.map(bytesOf)
      if (this.#direct !== null) return this.#direct.write(pieces)
      if (this.#early === null) return true
      this.#early.chunks.push(...pieces)
      for (const piece of pieces) this.#early.bytes += piece.length
      return this.#early.bytes < MOST_EARLY_BYTES
    }
    let hasRoom = true
    for (const chunk of chunks) hasRoom = this.#input.write(chunk)
    return hasRoom
  }

  endInput(): void {
    this.#input?.end()
    if (this.#early !== null) this.#early.isEnded = true
    if (this.#direct === null) return
    this.#direct.endInput()
    this.sendInputEnd()
  }

  pauseOutput(stream: OutputStream): void {
    this.#output(stream).paused = true
    this.#direct?.pause(stream)
  }

  resumeOutput(stream: OutputStream): void {
    const output = this.#output(stream)
    output.paused = false
    if (this.#direct === null) this.#giveCredit(stream, output)
    else this.#direct.resume(stream)
  }

  closeOutput(stream: OutputStream): void {
    const output = this.#output(stream)
    if (!output.open || output.closing) return
    output.closing = true
    if (this.#direct !== null) {
      this.#direct.closeOutput(stream)
      process.nextTick(() => this.handleOutputEnd(numberOf(stream)))
      return
    }
    this.#server.writer.begin(Request.closeOutput, numberOf(stream), this.number, 0)
    this.#server.writer.end()
  }

  releaseOutput(stream: OutputStream): void {
    const output = this.#output(stream)
    if (!output.open || output.released) return
    output.released = true
    this.#release()
  }

  unref(): void {
    if (!this.#isReferenced) return
    this.#isReferenced = false
    for (let n = 0; n < this.#holds; n++) this.#server.release()
  }

  ref(): void {
    if (this.#isReferenced) return
    this.#isReferenced = true
    this.#server.hold(this.#holds)
  }

  async signalTree(signal: NodeJS.Signals): Promise<number> {
    const number = constants.signals[signal]
    return number === undefined ? 0 : this.#ask(number)
  }

  countTree(): Promise<number> {
    return this.#ask(0)
  }

  takeBack(): void {
    if (this.#state === 'starting') this.#say(Request.takeBack)
  }

  leave(): void {
    if (this.#spec.place !== undefined) this.#say(Request.leave)
  }

  sendInput(bytes: Uint8Array): void {
    this.#server.writer.bytes(Request.input, this.number, bytes)
  }

  sendInputEnd(): void {
    this.#say(Request.inputEnd)
  }

  /** @param descriptors - those of the launcher's that are its pipes, where they may be taken. */
  handleSpawned(pid: number, descriptors: readonly number[] | null): void {
    this.pid = pid
    this.#state = 'running'
    this.#connect(descriptors)
    this.#events.onSpawn(pid, this.#remoteness?.delayMs())
  }

  handleFailed(errno: number, step: number): void {
    this.fail(startErrorOf(errno, step, this.#spec))
  }

  /** It was not started. */
  fail(error: StartError): void {
    this.#endUnstarted()
    this.#events.onSpawnError(error)
  }

  handleTakenBack(): void {
    this.#endUnstarted()
    this.#events.onTakenBack?.()
  }

  handleOutput(streamNumber: number, chunk: Buffer): void {
    const stream = streamNumber === 1 ? 'stdout' : 'stderr'
    const output = this.#output(stream)
    if (!output.open || output.closing) return
    output.consumed += chunk.length
    this.#events.onOutput(stream, chunk)
    this.#giveCredit(stream, output)
  }

  /** @param total - how many bytes have come so far. */
  handleCounted(streamNumber: number, total: number): void {
    const stream = streamNumber === 1 ? 'stdout' : 'stderr'
    const output = this.#output(stream)
    const bytes = total - output.counted
    output.counted = total
    if (output.open) this.#events.onOutputCounted?.(stream, bytes)
  }

  handleOutputEnd(streamNumber: number): void {
    this.#endOutput(streamNumber === 1 ? 'stdout' : 'stderr')
    this.#forgetIfDone()
  }

  handleExit(exit: ExitNotice): void {
    this.#endProcess()
    if (exit.flags & ExitFlag.stdoutEnded) this.#endOutput('stdout')
    if (exit.flags & ExitFlag.stderrEnded) this.#endOutput('stderr')
    this.#forgetIfDone()
    this.#remoteness?.onEnd(exit.durationMs)
    const signal = exit.status & 0x7f
    this.#events.onExit({
      exitCode: signal === 0 ? (exit.status >>> 8) & 0xff : null,
      signal: signal === 0 ? null : signalName(signal),
      cpuUserMs: exit.cpuUserMs,
      cpuSystemMs: exit.cpuSystemMs,
      maxRssBytes: exit.maxRssBytes,
      groupAlive: (exit.flags & ExitFlag.groupAlive) !== 0,
      ...(this.#remoteness !== undefined && { durationMs: exit.durationMs }),
    })
  }

  handleInputAck(bytes: number): void {
    if (this.#input?.acknowledge(bytes)) this.#events.onDrain?.()
  }

  handleInputClosed(): void {
    const waiting = this.#direct === null ? this.#input?.close() : this.#direct.stopWriting()
    this.#tellInputClosed()
    if (waiting) this.#events.onDrain?.()
  }

  /** @param errno - 0 when the file ended too early. */
  handleInputFailed(errno: number): void {
    this.#events.onInputFailed?.(inputErrorOf(errno, this.#spec))
  }

  /** The launcher is gone. */
  lose(error: StartError): void {
    const isRunning = this.#state !== 'ended'
    // What it has printed is on its way for longer, from another machine.
    const isCut = !isRunning && this.host !== undefined && (this.#stdout.open || this.#stderr.open)
    this.#endProcess()
    this.#input?.close()
    this.#early = null
    this.#direct?.destroy()
    if (isCut) this.#events.onLost(error)
    this.#endOutput('stdout')
    this.#endOutput('stderr')
    this.#forgetIfDone()
    if (isRunning) this.#events.onLost(error)
  }

  #tellInputClosed(): void {
    if (this.#inputIsClosed) return
    this.#inputIsClosed = true
    this.#events.onInputClosed?.()
  }

  /** Takes the pipes of a direct child, or has the launcher go on with them. */
  #connect(descriptors: readonly number[] | null): void {
    if (this.#early === null) return
    const { chunks, bytes, isEnded } = this.#early
    this.#early = null
    const { launcherPid, writer } = this.#server
    const { reusesChunks } = this.#spec.direct!
    if (descriptors !== null && launcherPid !== null)
      this.#direct = DirectStreams.open(launcherPid, descriptors, reusesChunks, this.#directEvents())
    if (this.#direct === null) this.#input = new ChildInput(this)
    writer.begin(Request.direct, this.#direct === null ? 0 : DIRECT_TAKEN, this.number, 0)
    writer.end()
    for (const stream of ['stdout', 'stderr'] as const) if (this.#output(stream).paused) this.#direct?.pause(stream)
    const hasRoom = chunks.length === 0 || this.write(...chunks)
    if (isEnded) this.endInput()
    // Who was asked to wait goes on, now or when the pipe has taken it.
    if (hasRoom && bytes >= MOST_EARLY_BYTES) process.nextTick(() => this.#events.onDrain?.())
  }

  #directEvents(): DirectEvents {
    return {
      onOutput: (stream, chunk) => {
        if (this.#output(stream).open) this.#events.onOutput(stream, chunk)
      },
      onOutputEnd: (stream) => this.handleOutputEnd(numberOf(stream)),
      onDrain: () => this.#events.onDrain?.(),
      onInputClosed: () => {
        this.#tellInputClosed()
        this.#events.onDrain?.()
      },
    }
  }

  #output(stream: OutputStream): Output {
    return stream === 'stdout' ? this.#stdout : this.#stderr
  }

  #giveCredit(stream: OutputStream, output: Output): void {
    if (output.paused || output.consumed < CREDIT_STEP || !output.open || output.closing) return
    this.#server.writer.begin(Request.credit, numberOf(stream), this.number, 4)
    this.#server.writer.u32(output.consumed)
    this.#server.writer.end()
    output.consumed = 0
  }

  #say(type: number): void {
    this.#server.writer.begin(type, 0, this.number, 0)
    this.#server.writer.end()
  }

  #endUnstarted(): void {
    this.#endProcess()
    this.#closeOutput(this.#stdout)
    this.#closeOutput(this.#stderr)
    this.#input?.close()
    this.#forgetIfDone()
  }

  #endProcess(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#release()
  }

  #release(): void {
    this.#holds -= 1
    if (this.#isReferenced) this.#server.release()
  }

  #closeOutput(output: Output): boolean {
    if (!output.open) return false
    output.open = false
    if (!output.released) this.#release()
    return true
  }

  #endOutput(stream: OutputStream): void {
    if (this.#closeOutput(this.#output(stream))) this.#events.onOutputEnd(stream)
  }

  #ask(signal: number): Promise<number> {
    if (this.#state === 'ended' && this.pid === null) return Promise.resolve(0)
    return this.#server.signalTree(signal, this.number, this.pid ?? 0)
  }

  #forgetIfDone(): void {
    if (this.#forgotten || this.#state !== 'ended' || this.#stdout.open || this.#stderr.open) return
    this.#forgotten = true
    // That nobody reads any more would be told of one that is not known any more.
    this.#direct?.stopWriting()
    this.#server.forget(this)
  }
}

function bytesOf(chunk: Uint8Array | string): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}

function newOutput(open: boolean): Output {
  return { open, paused: false, closing: false, released: false, consumed: 0, counted: 0 }
}

function numberOf(stream: OutputStream): number {
  return stream === 'stdout' ? 1 : 2
}

const SIGNAL_NAMES = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]))
const FIRST_REALTIME = 34

function signalName(number: number): string {
  return SIGNAL_NAMES.get(number) ?? `SIGRTMIN+${number - FIRST_REALTIME}`
}
