import type {
  Child,
  ChildEvents,
  ChildExit,
  OutputStream,
  StartError,
  StartSpec,
  WatchedUse,
} from '../launcher/port.js'
import { tracedErrorOf } from '../observe/messages.js'
import { TracedProcess } from '../observe/traced-process.js'
import type { ResultError, ResultState } from '../task/result.js'
import type { Tree } from './end-tree.js'
import type { ExecutionOptions } from './execution-options.js'
import { ExecutionTime } from './execution-time.js'
import { InputFeed } from './input-feed.js'
import { LimitKeeper } from './limit-keeper.js'
import { type Cause, type Outcome, stateOf } from './outcome.js'
import type { OutputCapture } from './output-capture.js'
import { countFiles, outputFilesOf } from './output-files.js'
import { OutputIntake } from './output-intake.js'
import { Settling } from './settling.js'
import { fedDirectly, onlyCounted } from './start-spec.js'
import { TreeEnding } from './tree-ending.js'

/**
 * One start of a command, from the launcher's call to the end of its output:
 *
 *   running ── exit, all output ended, nobody left ──────────────────────► done
 *      └────── exit ──► settling: descendants hold the output or live ──► done
 *
 * When it has settled (see {@link Settling}) the pipes are closed, and what is left is ended behind the result's back.
 */
export class Execution implements ChildEvents {
  readonly #options: ExecutionOptions
  readonly #spec: StartSpec
  readonly #output: OutputIntake
  readonly #files: Readonly<Record<OutputStream, string | null>>
  readonly #feed: InputFeed | null
  #child: Child | null = null
  readonly #time = new ExecutionTime()
  #exit: ChildExit | null = null
  #cause: Cause | null = null
  #done = false
  /** False while it waits elsewhere for its turn. */
  #hasBegun: boolean
  #hasPlace = false
  readonly #ending = new TreeEnding()
  #settling: Settling | null = null
  readonly #limits: LimitKeeper
  #tree: Tree | null = null
  readonly #traced = new TracedProcess()

  constructor(options: ExecutionOptions) {
    this.#options = options
    this.#hasBegun = options.ahead === undefined
    const { maxOutputBytes, onOutput, input } = options
    const counted = maxOutputBytes === 0 && onOutput === undefined ? onlyCounted(options.spec) : options.spec
    const { spec, stream } = fedDirectly(counted, input)
    this.#spec = spec
    this.#feed = stream === null ? null : new InputFeed(stream, (error) => this.onInputFailed(error))
    this.#limits = new LimitKeeper(options.limits)
    this.#output = new OutputIntake(spec, options, () => this.#settling?.look())
    this.#files = outputFilesOf(spec)
  }

  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  /** While, also after the result, something of the tree is being ended: resolves once nothing is left. Else null. */
  get ending(): Promise<unknown> | null {
    return this.#ending.done
  }

  get capture(): Readonly<Record<OutputStream, OutputCapture>> {
    return this.#output.kept
  }

  start(): void {
    this.#time.start()
    try {
      const { launcher } = this.#options
      this.#child = this.#traced.start('command', this.#limits.prepare(this.#spec), (spec) =>
        launcher.start(spec, this),
      )
      this.#tree = this.#limits.treeOf(this.#child)
      // Whoever was told of the start may have ended it, when there was nothing to end yet.
      if (this.#cause !== null) this.#endTree(this.#options.killGraceMs)
    } catch (error) {
      const { code = 'ERR_DROVER_SPAWN', message } = error as NodeJS.ErrnoException
      process.nextTick(() => this.onSpawnError({ code, message }))
      return
    }
    if (this.#hasBegun) this.#limitTime(0)
  }

  /** Asks for it back if it has not begun. */
  takeBack(): void {
    if (!this.#hasBegun && !this.#done) this.#child?.takeBack?.()
  }

  /** One that was sent ahead has a place now: it has begun, or is about to. */
  promote(): void {
    this.#hasPlace = true
  }

  /** To be called when it is done and all is decided that follows from that: the next one may have its place. */
  leave(): void {
    this.#child?.leave?.()
  }

  /** Stops the tree; its timeout stands still meanwhile. */
  async suspend(): Promise<void> {
    if (this.#done || !this.#hasBegun) return
    this.#time.suspend()
    await this.#tree?.signalTree('SIGSTOP')
  }

  /** Lets the tree go on. */
  resume(): void {
    if (this.#done || !this.#hasBegun) return
    void this.#tree?.signalTree('SIGCONT')
    this.#time.resume()
  }

  /**
   * Ends the whole tree: TERM, grace, KILL. The first cause is the one that the outcome tells; none, when the child had
   * ended by itself and only what it left behind is still there.
   */
  end(cause: Cause, graceMs = this.#options.killGraceMs): void {
    this.#ending.shorten(graceMs)
    if (this.#done) return
    if (this.#exit === null || this.#options.leftovers === 'wait') this.#cause ??= cause
    // If it cannot be had back it has begun, and is ended then.
    if (!this.#hasBegun) return this.takeBack()
    this.#endTree(graceMs)
    this.#settling?.look()
  }

  /** As {@link end}, without the grace. */
  endNow(cause: Cause): void {
    this.hurry()
    this.end(cause)
  }

  /** What is being ended, or will be, gets KILL at once; also after the result, when leftovers are being ended. */
  hurry(): void {
    this.#ending.hurry()
  }

  signalTree(signal: NodeJS.Signals): Promise<number> {
    return this.#tree === null || this.#done ? Promise.resolve(0) : this.#tree.signalTree(signal)
  }

  onSpawn(pid: number, agoMs?: number): void {
    if (agoMs !== undefined) this.#time.start(agoMs)
    if (!this.#hasBegun) this.#begin(agoMs ?? 0)
    if (!this.#done) this.#limits.watch(pid, (error) => this.endNow({ state: 'killed', error }))
    this.#feed?.onSpawn(this.#child!)
    this.#options.onSpawn?.(pid)
  }

  onSpawnError(error: StartError): void {
    if (!this.#hasBegun) this.#begin(0)
    this.#finish('spawn-failed', error, false, 0)
  }

  onLost(error: StartError): void {
    if (this.#done) return
    if (this.#hasBegun || this.#hasPlace) this.#finish('lost', error, false, 0)
    else this.onTakenBack()
  }

  onTakenBack(): void {
    if (this.#done) return
    this.#done = true
    this.#limits.end()
    this.#options.ahead?.onNotStarted()
  }

  onOutput(stream: OutputStream, chunk: Buffer): void {
    if (this.#done) return
    this.#output.take(this.#child, stream, chunk)
  }

  onOutputCounted(stream: OutputStream, bytes: number): void {
    if (this.#done) return
    this.#output.count(stream, bytes)
  }

  onUse(use: WatchedUse): void {
    if (this.#done) return
    const error = this.#limits.noteUse(use)
    if (error !== null) this.endNow({ state: 'killed', error })
  }

  onDrain(): void {
    this.#feed?.onDrain()
  }

  onInputFailed({ code, message }: StartError): void {
    this.endNow({ state: 'cancelled', error: { code, message } })
  }

  onInputClosed(): void {
    this.#feed?.stop()
  }

  onOutputEnd(stream: OutputStream): void {
    this.#output.end(stream)
  }

  onExit(exit: ChildExit): void {
    if (this.#done) return
    const excess = this.#cause === null ? this.#limits.excessOfExit(exit) : null
    // What it has left goes with it.
    if (excess !== null) this.endNow({ state: 'killed', error: excess })
    this.#exit = exit
    this.#time.exit()
    if (this.#options.leftovers !== 'wait') this.#time.endLimit()
    const { isOpen, isWaiting } = this.#output
    if (!isOpen && !isWaiting && !this.#mayBeLeft(exit)) this.#finishExited(exit, false, 0)
    else void this.#settle(exit)
  }

  #begin(agoMs: number): void {
    this.#hasBegun = true
    this.#time.start(agoMs)
    this.#limitTime(agoMs)
    this.#options.ahead?.onBegin(this.#time.startedMs)
    if (this.#cause !== null) this.#endTree(this.#options.killGraceMs)
  }

  /** @param passedMs - how much of its time is over. */
  #limitTime(passedMs: number): void {
    this.#time.limit(this.#options.timeoutMs, passedMs, (error) => this.end({ state: 'timed-out', error }))
  }

  #mayBeLeft(exit: ChildExit): boolean {
    return exit.groupAlive || this.#options.leftovers === 'wait' || this.#limits.mayBeLeft
  }

  async #settle(exit: ChildExit): Promise<void> {
    const { leftovers, pipeGraceMs, killGraceMs } = this.#options
    const tree = this.#tree!
    this.#settling = new Settling({
      output: this.#output,
      pipeGraceMs,
      countLeft: () => (this.#mayBeLeft(exit) ? tree.countTree() : 0),
      waits: () => leftovers === 'wait' && this.#ending.done === null,
    })
    const held = await this.#settling.wait()
    if (this.#done) return
    const left = held || exit.groupAlive || this.#limits.mayBeLeft ? await tree.countTree() : 0
    // On another machine what it printed may be lost meanwhile, and with it the task.
    if (this.#done) return
    if (left > 0 && (leftovers === 'kill' || this.#cause !== null)) this.#endTree(killGraceMs)
    this.#output.leave(this.#child!, leftovers === 'keep' && this.#cause === null)
    this.#finishExited(exit, held, left)
  }

  #endTree(graceMs: number): void {
    if (this.#tree === null) return
    const hasExited = () => this.#exit !== null || this.#done
    this.#ending.begin(this.#tree, graceMs, hasExited, () => this.#output.takeAll(this.#child))
  }

  #finishExited(exit: ChildExit, pipeHeld: boolean, leftovers: number): void {
    const { state, error } = this.#cause ?? stateOf(exit)
    this.#finish(state, error, pipeHeld, leftovers)
  }

  #finish(state: ResultState, error: ResultError | null, pipeHeld: boolean, leftovers: number): void {
    this.#done = true
    this.#feed?.stop()
    this.#time.endLimit()
    const exit = this.#exit && this.#limits.withPeak(this.#exit)
    if (this.#ending.done === null) this.#limits.end()
    else void this.#ending.done.then(() => this.#limits.end())
    const durationMs = exit?.durationMs ?? this.#time.durationMs
    const cause = this.#exit === null ? this.#cause : null
    const outcome: Outcome = {
      state: cause?.state ?? state,
      error: cause?.error ?? error,
      exit,
      pid: this.pid,
      host: this.#child?.host ?? null,
      ...this.#output.kept,
      files: this.#files,
      pipeHeld,
      leftovers,
      startedAt: this.#time.startedAt,
      durationMs,
    }
    this.#tellEnd(outcome)
    const { stdout, stderr } = this.#files
    if (stdout === null && stderr === null) this.#options.onDone(outcome)
    else void countFiles(this.#files, this.#output.kept).then(() => this.#options.onDone(outcome))
  }

  #tellEnd({ pid, exit, state, error, durationMs }: Outcome): void {
    const [exitCode, signal] = [exit?.exitCode ?? null, exit?.signal ?? null]
    const wentWell = state === 'succeeded'
    this.#traced.end({
      ...{ pid, exit, durationMs },
      error: wentWell ? null : tracedErrorOf({ state, exitCode, signal, error }),
    })
  }
}
