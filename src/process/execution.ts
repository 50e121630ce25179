import { isRead } from '../launcher/output-spec.js'
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
import { Deadline } from './deadline.js'
import { endTree, type Tree } from './end-tree.js'
import type { ExecutionOptions } from './execution-options.js'
import { InputFeed } from './input-feed.js'
import { LimitKeeper } from './limit-keeper.js'
import { type Cause, type Outcome, stateOf } from './outcome.js'
import { OutputCapture } from './output-capture.js'
import { countFiles, outputFilesOf } from './output-files.js'
import { fedDirectly, onlyCounted } from './start-spec.js'

/**
 * One start of a command, from the launcher's call to the end of its output:
 *
 *   running ── exit, all output ended, nobody left ──────────────────────► done
 *      └────── exit ──► settling: descendants hold the output or live ──► done
 *
 * Settling lets what is left finish by itself: as long as output comes, at intervals under the pipe grace, but not for
 * longer than ten times the pipe grace. Then the pipes are closed, and what is left is ended behind the result's back.
 */
export class Execution implements ChildEvents {
  readonly #options: ExecutionOptions
  readonly #spec: StartSpec
  readonly #capture: Readonly<Record<OutputStream, OutputCapture>>
  readonly #open: Record<OutputStream, boolean>
  readonly #files: Readonly<Record<OutputStream, string | null>>
  /** How many chunks of each stream their receiver has no room after. */
  readonly #waiting: Record<OutputStream, number> = { stdout: 0, stderr: 0 }
  readonly #feed: InputFeed | null
  #hurryController: AbortController | null = null
  #child: Child | null = null
  #startedAt = new Date(0)
  #startedMs = 0
  #exitedMs = 0
  #lastOutputMs = 0
  #exit: ChildExit | null = null
  #cause: Cause | null = null
  #done = false
  /** False while it waits elsewhere for its turn. */
  #hasBegun: boolean
  #hasPlace = false
  #deadline: Deadline | null = null
  #ending: Promise<unknown> | null = null
  /** It was ended and nothing is left that prints: what is still in the pipes is taken in, room or no room. */
  #treeIsGone = false
  #wake: (() => void) | null = null
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
    this.#feed = stream === null ? null : new InputFeed(stream, (error) => this.#onInputError(error))
    this.#limits = new LimitKeeper(options.limits)
    this.#capture = { stdout: new OutputCapture(maxOutputBytes), stderr: new OutputCapture(maxOutputBytes) }
    this.#files = outputFilesOf(spec)
    this.#open = { stdout: isRead(spec.stdout), stderr: isRead(spec.stderr) }
  }

  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  /** While, also after the result, something of the tree is being ended: resolves once nothing is left. Else null. */
  get ending(): Promise<unknown> | null {
    return this.#ending
  }

  get capture(): Readonly<Record<OutputStream, OutputCapture>> {
    return this.#capture
  }

  start(): void {
    this.#startedAt = new Date()
    this.#startedMs = performance.now()
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
    this.#deadline?.suspend()
    await this.#tree?.signalTree('SIGSTOP')
  }

  /** Lets the tree go on. */
  resume(): void {
    if (this.#done || !this.#hasBegun) return
    void this.#tree?.signalTree('SIGCONT')
    this.#deadline?.resume()
  }

  /**
   * Ends the whole tree: TERM, grace, KILL. The first cause is the one that the outcome tells; none, when the child had
   * ended by itself and only what it left behind is still there.
   */
  end(cause: Cause, graceMs = this.#options.killGraceMs): void {
    if (this.#ending !== null) this.#shortenGrace(graceMs)
    if (this.#done) return
    if (this.#exit === null || this.#options.leftovers === 'wait') this.#cause ??= cause
    // If it cannot be had back it has begun, and is ended then.
    if (!this.#hasBegun) return this.takeBack()
    this.#endTree(graceMs)
    this.#wake?.()
  }

  /** As {@link end}, without the grace. */
  endNow(cause: Cause): void {
    this.hurry()
    this.end(cause)
  }

  /** What is being ended, or will be, gets KILL at once; also after the result, when leftovers are being ended. */
  hurry(): void {
    this.#hurry.abort()
  }

  get #hurry(): AbortController {
    this.#hurryController ??= new AbortController()
    return this.#hurryController
  }

  signalTree(signal: NodeJS.Signals): Promise<number> {
    return this.#tree === null || this.#done ? Promise.resolve(0) : this.#tree.signalTree(signal)
  }

  onSpawn(pid: number, agoMs?: number): void {
    if (agoMs !== undefined) this.#noteStart(agoMs)
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
    this.#lastOutputMs = performance.now()
    this.#capture[stream].append(chunk)
    const room = this.#options.onOutput?.(stream, chunk)
    if (room !== undefined) this.#waitForRoom(stream, room)
  }

  onOutputCounted(stream: OutputStream, bytes: number): void {
    if (this.#done) return
    this.#lastOutputMs = performance.now()
    this.#capture[stream].count(bytes)
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
    this.#open[stream] = false
    this.#wake?.()
  }

  onExit(exit: ChildExit): void {
    if (this.#done) return
    const excess = this.#cause === null ? this.#limits.excessOfExit(exit) : null
    // What it has left goes with it.
    if (excess !== null) this.endNow({ state: 'killed', error: excess })
    this.#exit = exit
    this.#exitedMs = performance.now()
    if (this.#options.leftovers !== 'wait') this.#deadline?.clear()
    const mayBeLeft = this.#mayBeLeft(exit)
    if (!this.#isOpen && !this.#isWaiting && !mayBeLeft) this.#finishExited(exit, false, 0)
    else void this.#settle(exit)
  }

  #noteStart(agoMs: number): void {
    this.#startedMs = performance.now() - agoMs
    this.#startedAt = new Date(Date.now() - agoMs)
  }

  #begin(agoMs: number): void {
    this.#hasBegun = true
    this.#noteStart(agoMs)
    this.#limitTime(agoMs)
    this.#options.ahead?.onBegin(this.#startedMs)
    if (this.#cause !== null) this.#endTree(this.#options.killGraceMs)
  }

  /** @param passedMs - how much of its time is over. */
  #limitTime(passedMs: number): void {
    const { timeoutMs } = this.#options
    if (timeoutMs === 0) return
    const error = { code: 'ERR_DROVER_TIMEOUT', message: `took longer than ${timeoutMs} ms and was ended` }
    this.#deadline = new Deadline(Math.max(1, timeoutMs - passedMs), () => this.end({ state: 'timed-out', error }))
  }

  get #isOpen(): boolean {
    return this.#open.stdout || this.#open.stderr
  }

  get #isWaiting(): boolean {
    return !this.#treeIsGone && this.#waiting.stdout + this.#waiting.stderr > 0
  }

  #mayBeLeft(exit: ChildExit): boolean {
    return exit.groupAlive || this.#options.leftovers === 'wait' || this.#limits.mayBeLeft
  }

  #onInputError(error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = `standard input cannot be read: ${message ?? String(error)}`
    this.endNow({ state: 'cancelled', error: { code: code ?? 'ERR_DROVER_STDIN', message: reason } })
  }

  #waitForRoom(stream: OutputStream, room: Promise<void>): void {
    this.#waiting[stream] += 1
    if (!this.#treeIsGone) this.#child?.pauseOutput(stream)
    const goOn = () => {
      this.#waiting[stream] -= 1
      this.#lastOutputMs = performance.now()
      if (this.#waiting[stream] === 0) this.#readOn(stream)
    }
    room.then(goOn, goOn)
  }

  #readOn(stream: OutputStream): void {
    if (this.#open[stream]) this.#child?.resumeOutput(stream)
    this.#wake?.()
  }

  async #settle(exit: ChildExit): Promise<void> {
    const child = this.#child!
    const held = await this.#letFinish(this.#tree!, exit)
    if (this.#done) return
    const { leftovers } = this.#options
    const left = held || exit.groupAlive || this.#limits.mayBeLeft ? await this.#tree!.countTree() : 0
    if (left > 0 && (leftovers === 'kill' || this.#cause !== null)) this.#endTree(this.#options.killGraceMs)
    for (const stream of ['stdout', 'stderr'] as const) {
      if (!this.#open[stream]) continue
      if (leftovers === 'keep' && this.#cause === null) child.releaseOutput(stream)
      else child.closeOutput(stream)
    }
    this.#finishExited(exit, held, left)
  }

  /** Resolves to whether the output was held open beyond the grace. */
  async #letFinish(tree: Tree, exit: ChildExit): Promise<boolean> {
    const { pipeGraceMs, leftovers } = this.#options
    let budgetMs = 10 * pipeGraceMs
    let idleSince = performance.now()
    let held = false
    for (let stepMs = 2; ; stepMs = Math.min(stepMs * 2, 100)) {
      const mayBeLeft = this.#mayBeLeft(exit)
      if (!this.#isOpen && !this.#isWaiting && (!mayBeLeft || (await tree.countTree()) === 0)) return held
      const before = performance.now()
      idleSince = Math.max(idleSince, this.#lastOutputMs)
      const expired = !this.#isWaiting && (before - idleSince >= pipeGraceMs || budgetMs <= 0)
      if (expired && (await this.#isStillIdle(idleSince, budgetMs))) {
        held ||= this.#isOpen
        if (leftovers !== 'wait' || this.#ending !== null) return this.#isOpen
      }
      await this.#pause(stepMs)
      // Time in which a blocked event loop could not have seen any output does not count.
      if (!this.#isWaiting) budgetMs -= Math.min(performance.now() - before, 2 * stepMs)
    }
  }

  /** After a blocked event loop timers run before the data that was there all along: one look at the pipes first. */
  async #isStillIdle(idleSince: number, budgetMs: number): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve))
    return !this.#isWaiting && (this.#lastOutputMs <= idleSince || budgetMs <= 0)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #shortenGrace(graceMs: number): void {
    const timer = setTimeout(() => this.hurry(), graceMs)
    void this.#ending!.then(() => clearTimeout(timer))
  }

  #endTree(graceMs: number): void {
    if (this.#ending !== null || this.#tree === null) return
    const hasExited = () => this.#exit !== null || this.#done
    this.#ending = endTree(this.#tree, { graceMs, hasExited, hurry: this.#hurry.signal }).then(() => {
      this.#treeIsGone = true
      for (const stream of ['stdout', 'stderr'] as const) if (this.#waiting[stream] > 0) this.#readOn(stream)
    })
  }

  #finishExited(exit: ChildExit, pipeHeld: boolean, leftovers: number): void {
    const { state, error } = this.#cause ?? stateOf(exit)
    this.#finish(state, error, pipeHeld, leftovers)
  }

  #finish(state: ResultState, error: ResultError | null, pipeHeld: boolean, leftovers: number): void {
    this.#done = true
    this.#feed?.stop()
    this.#deadline?.clear()
    const exit = this.#exit && this.#limits.withPeak(this.#exit)
    if (this.#ending === null) this.#limits.end()
    else void this.#ending.then(() => this.#limits.end())
    const durationMs = exit?.durationMs ?? (this.#exitedMs || performance.now()) - this.#startedMs
    const cause = this.#exit === null ? this.#cause : null
    const outcome: Outcome = {
      state: cause?.state ?? state,
      error: cause?.error ?? error,
      exit,
      pid: this.pid,
      host: this.#child?.host ?? null,
      stdout: this.#capture.stdout,
      stderr: this.#capture.stderr,
      files: this.#files,
      pipeHeld,
      leftovers,
      startedAt: this.#startedAt,
      durationMs,
    }
    this.#tellEnd(outcome)
    const { stdout, stderr } = this.#files
    if (stdout === null && stderr === null) this.#options.onDone(outcome)
    else void countFiles(this.#files, this.#capture).then(() => this.#options.onDone(outcome))
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
