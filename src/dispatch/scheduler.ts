import { resultWithoutStart } from '../process/result-of.js'
import { LocalSlots, SlotNumbers } from '../slots/local-slots.js'
import type { Result, ResultError } from '../task/result.js'
import { type AttemptEnd, identityOf, startAttempt } from './attempt.js'
import { backoffMs } from './backoff.js'
import type { CheckedDispatchOptions } from './dispatch-options.js'
import type { Entry, Running } from './entry.js'
import { HaltCounter } from './halt.js'
import { type Progress, ResultCounter, type Summary } from './progress.js'
import { Shortage } from './shortage.js'
import { TaskQueue } from './task-queue.js'

/** Where a scheduler gets its tasks and tells its results. */
export interface SchedulerSide {
  /** Called when there is a free slot and nothing waits; more may be handed to {@link Scheduler.enqueue}, at once or later. */
  wantMore(): void
  /** Whether nothing more can come. */
  readonly exhausted: boolean
  /** Whether all there was has come, and nothing was left unread. */
  readonly allRead: boolean
  /** How many tasks there are in all, as soon as it is known. */
  readonly total: number | null
  /** Whether another result could be taken in; a start is only made when it could. */
  hasRoom(unannounced: number): boolean
  /** How many tasks wait, at the least, before one is started while more can come. */
  readonly lookahead: number
  announce(entry: Entry, result: Result): void
  onStart(entry: Entry): void
  onAttempt(result: Result): void
  /** Nothing runs, nothing waits, nothing comes. Called again whenever that is so again. */
  onIdle(): void
}

const HALT_ERROR = 'ERR_DROVER_HALTED'

/**
 * Who runs when. A task's way:
 *
 *   enqueue ─► queue ─► running ─► final ─► onResult (awaited) ─► announced
 *                ▲         │
 *                └─backoff─┘  failed, and tries are left
 *
 * Once stopped, what waits becomes `skipped`; with `now`, what runs is ended and becomes `cancelled`.
 */
export class Scheduler {
  readonly options: CheckedDispatchOptions
  readonly slots: LocalSlots
  readonly #side: SchedulerSide
  readonly #slotNumbers = new SlotNumbers()
  readonly #queue = new TaskQueue<Entry>()
  readonly #running = new Set<Entry>()
  readonly #backingOff = new Set<Entry>()
  /** Of ended tasks, those whose leftovers are still being ended. */
  readonly #endings = new Set<Running>()
  readonly #counter = new ResultCounter()
  readonly #halt: HaltCounter
  readonly #shortage = new Shortage(() => this.pump())
  #unannounced = 0
  #pumping = false
  #suspended = false
  #stopped: ResultError | null = null
  #halted: string | null = null
  #fatal: { error: unknown } | null = null
  #nextStartMs = 0
  #delayTimer: NodeJS.Timeout | null = null

  constructor(options: CheckedDispatchOptions, side: SchedulerSide) {
    this.options = options
    this.#side = side
    this.slots = new LocalSlots(options.concurrency)
    this.#halt = new HaltCounter(options.halt)
  }

  /** What ended the run from within, such as an `onResult` that failed. */
  get fatal(): { error: unknown } | null {
    return this.#fatal
  }

  get stopped(): boolean {
    return this.#stopped !== null
  }

  get running(): ReadonlySet<Entry> {
    return this.#running
  }

  progress(): Progress {
    const { total } = this.#side
    const { done, byState } = this.#counter
    const ratePerSecond = this.#counter.ratePerSecond()
    const etaMs = total === null || !ratePerSecond ? null : ((total - done) / ratePerSecond) * 1_000
    const queued = this.#queue.size + this.#backingOff.size
    return { total, queued, running: this.#running.size, done, byState, ratePerSecond, etaMs }
  }

  summary(): Summary {
    const { done, byState, failures, elapsedMs } = this.#counter
    const complete = this.#side.allRead && byState.skipped + byState.cancelled === 0
    return { run: this.options.run, total: done, byState, failures, halted: this.#halted, complete, durationMs: elapsedMs }
  }

  enqueue(entry: Entry): void {
    if (this.#stopped !== null) return this.#finishUnstarted(entry, 'skipped', this.#stopped)
    this.#queue.push(entry)
    this.pump()
  }

  /** Gives a task that cannot be run its result. */
  finishInvalid(entry: Entry, error: ResultError): void {
    this.#finishUnstarted(entry, 'invalid', error)
    this.pump()
  }

  /** Starts whatever may start. */
  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    while (this.#step());
    this.#pumping = false
    this.#checkIdle()
  }

  /** Starts nothing more; with `now`, ends what runs too. A second stop can only be a harder one. */
  stop(when: 'soon' | 'now', error: ResultError): void {
    this.#stopped ??= error
    for (const entry of [...this.#queue.drain(), ...this.#backingOff]) {
      if (entry.backoff !== null) clearTimeout(entry.backoff)
      this.#backingOff.delete(entry)
      if (entry.last !== null) this.#finish(entry, entry.last)
      else this.#finishUnstarted(entry, 'skipped', this.#stopped)
    }
    if (when === 'now') for (const entry of this.#running) entry.running?.end({ state: 'cancelled', error })
    this.pump()
  }

  /** KILL at once for whatever is being ended or still runs. */
  hurry(error: ResultError): void {
    this.stop('now', error)
    for (const entry of this.#running) entry.running?.hurry()
    for (const running of this.#endings) running.hurry()
  }

  /** Stops the run because something in it failed that is no task; the error is what the run then ends with. */
  fail(error: unknown): void {
    this.#fatal ??= { error }
    this.stop('now', { code: 'ERR_DROVER_ENDED', message: 'the run was ended by an error' })
  }

  suspend(): void {
    this.#suspended = true
    for (const entry of this.#running) entry.running?.suspend()
  }

  resume(): void {
    this.#suspended = false
    for (const entry of this.#running) entry.running?.resume()
    this.pump()
  }

  /** Resolves once no process is left that ended tasks had left behind. */
  async allGone(): Promise<void> {
    while (this.#endings.size > 0) await Promise.all([...this.#endings].map((running) => running.ending))
    this.#shortage.stop()
    if (this.#delayTimer !== null) clearTimeout(this.#delayTimer)
  }

  /** Does one thing; false when there is nothing to do until something happens. */
  #step(): boolean {
    const side = this.#side
    if (this.#suspended || !side.hasRoom(this.#unannounced)) return false
    const waiting = this.#queue.size
    const mayStart =
      this.#stopped === null &&
      this.slots.fits(this.#queue.peek()?.weight ?? 1) &&
      !this.#shortage.holds(this.#running.size)
    if (
      !side.exhausted &&
      (this.#stopped !== null || (waiting <= side.lookahead && (mayStart || side.lookahead > 0)))
    ) {
      const before = this.#counter.done
      side.wantMore()
      const came = this.#queue.size > waiting || this.#counter.done > before
      if (came) return true
      if (side.lookahead > 0 && !side.exhausted) return false
    }
    const entry = this.#queue.peek()
    if (entry === undefined || !mayStart || !this.slots.fits(entry.weight) || this.#mustDelay()) return false
    this.#queue.pop()
    this.#start(entry)
    return true
  }

  #mustDelay(): boolean {
    const { delayMs } = this.options
    if (delayMs === 0) return false
    const now = performance.now()
    if (now >= this.#nextStartMs) {
      this.#nextStartMs = now + delayMs
      return false
    }
    this.#delayTimer ??= setTimeout(() => {
      this.#delayTimer = null
      this.pump()
    }, this.#nextStartMs - now)
    return true
  }

  #start(entry: Entry): void {
    entry.attempt += 1
    entry.slot = this.#slotNumbers.take()
    this.slots.tryAcquire(entry.weight)
    this.#running.add(entry)
    entry.running = startAttempt(entry, this.options, {
      onEnd: (end) => this.#onEnd(entry, end),
      onError: (error) => this.fail(error),
    })
    this.#side.onStart(entry)
  }

  #onEnd(entry: Entry, end: AttemptEnd): void {
    this.#trackEnding(entry.running!)
    this.#release(entry)
    if (this.#stopped === null && end.shortage && this.#shortage.retries(this.#running.size)) {
      entry.attempt -= 1
      this.#queue.push(entry)
      return this.pump()
    }
    if (end.state !== 'spawn-failed') this.#shortage.started()
    const result = end.result()
    if (this.#mayRetry(entry, result)) this.#retry(entry, result)
    else this.#finish(entry, result)
  }

  #trackEnding(running: Running): void {
    if (running.ending === null) return
    this.#endings.add(running)
    void running.ending.then(() => this.#endings.delete(running))
  }

  #release(entry: Entry): void {
    this.#running.delete(entry)
    this.slots.release(entry.weight)
    this.#slotNumbers.giveBack(entry.slot)
    entry.running = null
  }

  #mayRetry(entry: Entry, result: Result): boolean {
    if (this.#stopped !== null || entry.attempt >= entry.attempts) return false
    return result.state !== 'succeeded' && result.state !== 'cancelled'
  }

  #retry(entry: Entry, result: Result): void {
    entry.last = result
    this.#backingOff.add(entry)
    entry.queuedAtMs = performance.now()
    const wait = () => {
      // A stop while the attempt was being recorded has made it final.
      if (!this.#backingOff.has(entry)) return
      entry.backoff = setTimeout(() => this.#requeue(entry), backoffMs(this.options.backoffMs, entry.attempt))
    }
    this.#side.onAttempt(result)
    const recorded = this.#call(() => this.options.onAttempt?.({ ...result, type: 'attempt' }))
    if (recorded === undefined) wait()
    else recorded.then(wait, (error) => this.fail(error))
    this.pump()
  }

  #requeue(entry: Entry): void {
    this.#backingOff.delete(entry)
    entry.backoff = null
    entry.last = null
    this.#queue.push(entry)
    this.pump()
  }

  #finishUnstarted(entry: Entry, state: 'skipped' | 'invalid', error: ResultError): void {
    const identity = identityOf(entry, this.options, performance.now() - entry.queuedAtMs)
    this.#finish(entry, resultWithoutStart(entry.task, identity, state, error, this.options.encoding))
  }

  #finish(entry: Entry, result: Result): void {
    this.#counter.count(result.state)
    this.#halt.count(result.state)
    this.#unannounced += 1
    const announced = () => {
      this.#unannounced -= 1
      if (this.#fatal === null) {
        entry.settle?.({ result })
        this.#side.announce(entry, result)
      } else entry.settle?.(this.#fatal)
      this.pump()
    }
    const { total } = this.#side
    const committed =
      this.#fatal === null
        ? this.#call(() => this.options.onResult?.(result, { completed: this.#counter.done, total }))
        : undefined
    if (committed === undefined) announced()
    else
      committed.then(announced, (error) => {
        this.fail(error)
        announced()
      })
    this.checkHalt()
  }

  /** Looks whether the halt rule is met; also to be called when the number of tasks becomes known. */
  checkHalt(): void {
    if (this.#stopped !== null) return
    const rule = this.#halt.met(this.#side.total)
    if (rule === null) return
    this.#halted = this.options.haltWords
    this.stop(rule.when, { code: HALT_ERROR, message: `the run was halted by ${this.options.haltWords}` })
  }

  /** Runs a callback of the user's; what it throws is a rejection. */
  #call(callback: () => void | Promise<void>): Promise<void> | undefined {
    try {
      return callback() ?? undefined
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #checkIdle(): void {
    const busy = this.#running.size + this.#queue.size + this.#backingOff.size + this.#unannounced > 0
    if (!busy && this.#side.exhausted) this.#side.onIdle()
  }
}
