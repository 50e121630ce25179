import type { Child, ChildEvents, ChildExit, Launcher, OutputStream, StartError, StartSpec } from '../launcher/port.js'
import { tracedErrorOf } from '../observe/messages.js'
import { TracedProcess } from '../observe/traced-process.js'
import { endTree, pollUntil, type Tree } from '../process/end-tree.js'
import { LimitKeeper } from '../process/limit-keeper.js'
import { PIPES, startSpecOf } from '../process/start-spec.js'
import { withPermit } from '../slots/gate.js'
import type { SlotPermit } from '../slots/slot-source.js'
import type { ResultError } from '../task/result.js'
import { OutputTail } from './output-tail.js'
import type { CheckedPoolOptions } from './pool-options.js'

/** How a worker's process came to its end. */
export type ProcessEnd =
  | { readonly how: 'exited'; readonly exit: ChildExit; readonly excess: ResultError | null }
  | { readonly how: 'not-started'; readonly error: StartError }
  | { readonly how: 'lost'; readonly error: StartError }

export interface WorkerProcessEvents {
  onSpawned(): void
  /** The receiver's own. */
  onOutput(stream: OutputStream, chunk: Buffer): void
  /** What was written has been read, after {@link WorkerProcess.write} had returned false. */
  onDrain(): void
  /** It is beyond one of its limits. */
  onExcess(error: ResultError): void
  /** It has closed its standard input or output, cannot be talked to any more, and does not exit. */
  onDeaf(what: string): void
  /** It has ended, and all that it had printed has been told. Called once. */
  onEnded(end: ProcessEnd): void
  /** Nothing is left of it, nor of what it started. The last call. */
  onGone(): void
}

/** How long what a worker leaves behind may hold its output open. */
const PIPE_GRACE_MS = 250
/** How long a worker that closed its input or output has for its exit at the least: its output ends a moment before it does. */
const LEAST_EXIT_MS = 1000

/** The process of a worker: its streams, its end, and the end of what it leaves behind. */
export class WorkerProcess implements ChildEvents {
  readonly #events: WorkerProcessEvents
  readonly #killGraceMs: number
  /** Null when it could not even be tried. */
  readonly #child: Child | null
  readonly #tree: Tree | null
  readonly #limits: LimitKeeper
  readonly #tails = { stdout: new OutputTail(), stderr: new OutputTail() }
  readonly #open: Record<OutputStream, boolean> = { stdout: true, stderr: true }
  readonly #hurry = new AbortController()
  #exit: ChildExit | null = null
  #isGone = false
  #isHeld = false
  #exitTimer: NodeJS.Timeout | null = null
  #deafTimer: NodeJS.Timeout | null = null
  #ending: Promise<unknown> | null = null
  readonly #traced = new TracedProcess()
  readonly #startedMs = performance.now()

  constructor(scope: string, options: CheckedPoolOptions, permit: SlotPermit, events: WorkerProcessEvents) {
    this.#events = events
    this.#killGraceMs = options.killGraceMs
    const spec = startSpecOf(options.task, scope, PIPES, false)
    // Only frames are done with a chunk when they have been read.
    const direct = { reusesChunks: options.protocol === 'frames' }
    const talking: StartSpec = { ...spec, stdin: { from: 'pipe' }, direct }
    this.#limits = new LimitKeeper(options.limits)
    this.#child = this.#start(options.launcher, withPermit(talking, permit))
    this.#child?.unref()
    this.#tree = this.#child && this.#limits.treeOf(this.#child)
  }

  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  get exit(): ChildExit | null {
    return this.#exit
  }

  get hasExited(): boolean {
    return this.#exit !== null || this.#isGone
  }

  /** Whether it can no longer be talked to. */
  get isDeaf(): boolean {
    return this.#deafTimer !== null
  }

  /** The end of what it printed. */
  tail(stream: OutputStream): string {
    return this.#tails[stream].text()
  }

  keepTail(stream: OutputStream, chunk: Buffer): void {
    this.#tails[stream].append(chunk)
  }

  /** Keeps the event loop alive, or lets it end; a worker is ended with this process then. */
  hold(isHeld: boolean): void {
    if (this.#isHeld === isHeld) return
    this.#isHeld = isHeld
    if (isHeld) this.#child?.ref()
    else this.#child?.unref()
  }

  /** @returns whether there is room for more. */
  write(pieces: readonly Uint8Array[]): boolean {
    return pieces.length === 0 || (this.#child?.write(...pieces) ?? true)
  }

  /** Whether something that was written is not in its pipe yet, and must not change. */
  get isHolding(): boolean {
    return this.#child !== null && this.#child.isHolding !== false
  }

  /** Ends its input, which asks it to exit, and ends it by force when it does not. */
  letExit(): void {
    this.hold(true)
    this.#child?.endInput()
    this.#exitTimer ??= setTimeout(() => this.end(this.#killGraceMs), this.#killGraceMs)
  }

  /** Ends it with all that it started: TERM, grace, KILL. */
  end(graceMs: number): void {
    if (this.#isGone || this.#tree === null) return
    this.hold(true)
    if (graceMs === 0) this.#hurry.abort()
    const hasExited = () => this.hasExited
    this.#ending ??= endTree(this.#tree, { graceMs, hasExited, hurry: this.#hurry.signal })
  }

  onSpawn(pid: number): void {
    if (!this.hasExited) this.#limits.watch(pid, (error) => this.#events.onExcess(error))
    this.#events.onSpawned()
  }

  onSpawnError(error: StartError): void {
    this.#finish({ how: 'not-started', error })
  }

  onLost(error: StartError): void {
    this.#finish({ how: 'lost', error })
  }

  onOutput(stream: OutputStream, chunk: Buffer): void {
    if (stream === 'stderr') this.keepTail('stderr', chunk)
    // An answer after the system has ended a part of it is none.
    const excess = this.#limits.excessNow
    if (excess !== null) this.#events.onExcess(excess)
    this.#events.onOutput(stream, chunk)
  }

  onOutputEnd(stream: OutputStream): void {
    this.#open[stream] = false
    if (stream === 'stdout') this.#becomeDeaf('output')
  }

  onInputClosed(): void {
    this.#becomeDeaf('input')
  }

  onDrain(): void {
    this.#events.onDrain()
  }

  onExit(exit: ChildExit): void {
    this.#exit = exit
    this.#limits.stop()
    if (this.#deafTimer !== null) clearTimeout(this.#deafTimer)
    void this.#clearAway(exit)
  }

  #start(launcher: Launcher, spec: StartSpec): Child | null {
    let limited: StartSpec
    try {
      limited = this.#limits.prepare(spec)
    } catch (error) {
      const { code = 'ERR_DROVER_SPAWN', message } = error as NodeJS.ErrnoException
      process.nextTick(() => this.onSpawnError({ code, message }))
      return null
    }
    return this.#traced.start('worker', limited, (own) => launcher.start(own, this))
  }

  /** What it has it may still answer; it exits by itself then, or is ended. */
  #becomeDeaf(stream: 'input' | 'output'): void {
    if (this.hasExited || this.#deafTimer !== null || this.#exitTimer !== null) return
    const what = `closed its standard ${stream}, and did not exit`
    this.#deafTimer = setTimeout(() => this.#events.onDeaf(what), Math.max(LEAST_EXIT_MS, this.#killGraceMs))
    this.#deafTimer.unref()
  }

  async #clearAway(exit: ChildExit): Promise<void> {
    const hasEnded = async () => !this.#open.stdout && !this.#open.stderr
    const isHeld = !(await hasEnded()) && !(await pollUntil(PIPE_GRACE_MS, undefined, hasEnded))
    for (const stream of ['stdout', 'stderr'] as const) if (this.#open[stream]) this.#child?.closeOutput(stream)
    const excess = this.#limits.excessOfExit(exit)
    this.#events.onEnded({ how: 'exited', exit, excess })
    this.#tellEnd(excess)
    if ((isHeld || exit.groupAlive || this.#limits.mayBeLeft) && (await this.#tree!.countTree()) > 0)
      this.end(this.#killGraceMs)
    await this.#ending
    this.#beGone()
  }

  #finish(end: ProcessEnd): void {
    this.#events.onEnded(end)
    this.#tellEnd('error' in end ? end.error : null)
    this.#beGone()
  }

  #tellEnd(error: ResultError | null): void {
    const exit = this.#exit
    const { exitCode = null, signal = null } = exit ?? {}
    const failed = error !== null || exitCode !== 0
    this.#traced.end({
      ...{ pid: this.pid, exit, durationMs: performance.now() - this.#startedMs },
      error: failed ? tracedErrorOf({ state: signal === null ? 'failed' : 'killed', exitCode, signal, error }) : null,
    })
  }

  #beGone(): void {
    this.#isGone = true
    this.#limits.end()
    if (this.#exitTimer !== null) clearTimeout(this.#exitTimer)
    if (this.#deafTimer !== null) clearTimeout(this.#deafTimer)
    this.#events.onGone()
  }
}
