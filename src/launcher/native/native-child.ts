import { constants } from 'node:os'
import { isRead } from '../output-spec.js'
import type { Child, ChildEvents, OutputStream, StartError, StartSpec, WatchedUse } from '../port.js'
import { type ExitNotice, exitOf } from './child-exit.js'
import { ChildHolds } from './child-holds.js'
import type { InputSink } from './child-input.js'
import { ChildOutput, numberOf, streamOf } from './child-output.js'
import { ChildPipes } from './child-pipes.js'
import { type DirectEvents, DirectStreams } from './direct-streams.js'
import type { Remoteness } from './remoteness.js'
import type { ServerConnection } from './server-options.js'
import { inputErrorOf, startErrorOf } from './start-errors.js'
import { DIRECT_TAKEN, ExitFlag, Request } from './wire.js'

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
  readonly #stdout: ChildOutput
  readonly #stderr: ChildOutput
  readonly #pipes: ChildPipes
  #inputIsClosed = false
  #state: 'starting' | 'running' | 'ended' = 'starting'
  #forgotten = false
  readonly #holds: ChildHolds

  constructor(number: number, spec: StartSpec, events: ChildEvents, server: ServerConnection, remoteness?: Remoteness) {
    this.number = number
    this.#remoteness = remoteness
    this.#spec = spec
    this.#events = events
    this.#server = server
    this.#stdout = new ChildOutput(isRead(spec.stdout))
    this.#stderr = new ChildOutput(isRead(spec.stderr))
    this.#pipes = new ChildPipes(this, spec)
    this.#holds = new ChildHolds(server, 1 + Number(this.#stdout.open) + Number(this.#stderr.open))
  }

  get host(): string | undefined {
    return this.#remoteness?.host
  }

  /** To be called after the frame that starts it. */
  feed(): void {
    if (this.#spec.stdin.from !== 'bytes' || this.#pipes.isUndecided) return
    this.#pipes.write([this.#spec.stdin.bytes])
    this.#pipes.end()
  }

  write(...chunks: readonly (Uint8Array | string)[]): boolean {
    return this.#pipes.write(chunks)
  }

  get isHolding(): boolean {
    return this.#pipes.areHolding
  }

  endInput(): void {
    this.#pipes.end()
  }

  pauseOutput(stream: OutputStream): void {
    this.#output(stream).paused = true
    this.#pipes.direct?.pause(stream)
  }

  resumeOutput(stream: OutputStream): void {
    const output = this.#output(stream)
    output.paused = false
    if (this.#pipes.direct === null) this.#giveCredit(stream, output)
    else this.#pipes.direct.resume(stream)
  }

  closeOutput(stream: OutputStream): void {
    const output = this.#output(stream)
    if (!output.open || output.closing) return
    output.closing = true
    if (this.#pipes.direct !== null) {
      this.#pipes.direct.closeOutput(stream)
      process.nextTick(() => this.handleOutputEnd(numberOf(stream)))
      return
    }
    this.#say(Request.closeOutput, numberOf(stream))
  }

  releaseOutput(stream: OutputStream): void {
    const output = this.#output(stream)
    if (!output.open || output.released) return
    output.released = true
    this.#holds.release()
  }

  unref(): void {
    this.#holds.unref()
  }

  ref(): void {
    this.#holds.ref()
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
    const stream = streamOf(streamNumber)
    const output = this.#output(stream)
    if (!output.open || output.closing) return
    output.consumed += chunk.length
    this.#events.onOutput(stream, chunk)
    this.#giveCredit(stream, output)
  }

  /** @param total - how many bytes have come so far. */
  handleCounted(streamNumber: number, total: number): void {
    const stream = streamOf(streamNumber)
    const output = this.#output(stream)
    const bytes = output.count(total)
    if (output.open) this.#events.onOutputCounted?.(stream, bytes)
  }

  handleOutputEnd(streamNumber: number): void {
    this.#endOutput(streamOf(streamNumber))
    this.#forgetIfDone()
  }

  handleExit(exit: ExitNotice): void {
    this.#endProcess()
    if (exit.flags & ExitFlag.stdoutEnded) this.#endOutput('stdout')
    if (exit.flags & ExitFlag.stderrEnded) this.#endOutput('stderr')
    this.#forgetIfDone()
    this.#remoteness?.onEnd(exit.durationMs)
    this.#events.onExit(exitOf(exit, this.#remoteness !== undefined))
  }

  handleInputAck(bytes: number): void {
    if (this.#pipes.acknowledge(bytes)) this.#events.onDrain?.()
  }

  handleInputClosed(): void {
    const waiting = this.#pipes.close()
    this.#tellInputClosed()
    if (waiting) this.#events.onDrain?.()
  }

  /** @param errno - 0 when the file ended too early. */
  handleInputFailed(errno: number): void {
    this.#events.onInputFailed?.(inputErrorOf(errno, this.#spec))
  }

  handleUsed(use: WatchedUse): void {
    this.#events.onUse?.(use)
  }

  /** The launcher is gone. */
  lose(error: StartError): void {
    const isRunning = this.#state !== 'ended'
    // What it has printed is on its way for longer, from another machine.
    const isCut = !isRunning && this.host !== undefined && (this.#stdout.open || this.#stderr.open)
    this.#endProcess()
    this.#pipes.destroy()
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
    if (!this.#pipes.isUndecided) return
    const { launcherPid } = this.#server
    const { reusesChunks } = this.#spec.direct!
    const direct =
      descriptors === null || launcherPid === null
        ? null
        : DirectStreams.open(launcherPid, descriptors, reusesChunks, this.#directEvents())
    this.#say(Request.direct, direct === null ? 0 : DIRECT_TAKEN)
    for (const stream of ['stdout', 'stderr'] as const) if (this.#output(stream).paused) direct?.pause(stream)
    // Who was asked to wait goes on, now or when the pipe has taken it.
    if (this.#pipes.connect(direct)) process.nextTick(() => this.#events.onDrain?.())
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

  #output(stream: OutputStream): ChildOutput {
    return stream === 'stdout' ? this.#stdout : this.#stderr
  }

  #giveCredit(stream: OutputStream, output: ChildOutput): void {
    const credit = output.takeCredit()
    if (credit === 0) return
    this.#server.writer.begin(Request.credit, numberOf(stream), this.number, 4)
    this.#server.writer.u32(credit)
    this.#server.writer.end()
  }

  #say(type: number, flags = 0): void {
    this.#server.writer.begin(type, flags, this.number, 0)
    this.#server.writer.end()
  }

  #endUnstarted(): void {
    this.#endProcess()
    this.#closeOutput(this.#stdout)
    this.#closeOutput(this.#stderr)
    this.#pipes.close()
    this.#forgetIfDone()
  }

  #endProcess(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#holds.release()
  }

  #closeOutput(output: ChildOutput): boolean {
    if (!output.open) return false
    output.open = false
    if (!output.released) this.#holds.release()
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
    this.#server.forget(this)
    // That nobody reads any more would be told of one that is not known any more.
    if (this.#pipes.close()) this.#events.onDrain?.()
  }
}
