import type { LocalSlots } from '../slots/local-slots.js'
import type { Result, ResultError, ResultState } from '../task/result.js'
import type { CheckedDispatchOptions } from './dispatch-options.js'
import { Endings } from './endings.js'
import type { Entry } from './entry.js'
import { FinalResults } from './final-results.js'
import { FollowUp } from './follow-up.js'
import { Observer } from './observer.js'
import { Places } from './places.js'
import type { Progress, Summary } from './progress.js'
import { RunState } from './run-state.js'
import type { SchedulerSide } from './scheduler-side.js'
import { Shortage } from './shortage.js'
import { Starts } from './starts.js'
import { TaskQueue } from './task-queue.js'
import { TriesAgain } from './tries-again.js'
import { Turn } from './turn.js'
import { stoppedResult, unstartedResult } from './unstarted-results.js'
import { userCall } from './user-call.js'

/**
 * Who runs when. A task's way:
 *
 *   enqueue ─► queue ─► running ─► final ─► journal and onResult (awaited) ─► announced
 *                ▲         │
 *                └─backoff─┘  failed, and tries are left
 *
 * {@link Starts} has the way to the right, {@link FollowUp} what comes after an attempt, {@link FinalResults} the last part.
 */
export class Scheduler {
  readonly options: CheckedDispatchOptions
  readonly observer: Observer
  readonly #side: SchedulerSide
  readonly #state = new RunState()
  readonly #queue = new TaskQueue<Entry>()
  readonly #places: Places
  readonly #again: TriesAgain
  readonly #endings = new Endings()
  readonly #results: FinalResults
  readonly #shortage = new Shortage(() => this.pump())
  readonly #starts: Starts
  readonly #followUp: FollowUp
  readonly #turn = new Turn()
  readonly #startAll = () => this.#starts.all()
  #begun = false

  constructor(options: CheckedDispatchOptions, side: SchedulerSide) {
    this.options = options
    this.#side = side
    this.observer = new Observer(options, side.origin)
    this.#results = new FinalResults(options, {
      total: () => side.total,
      announce: (entry, result) => side.announce(entry, result),
      onSettled: (entry) => this.observer.announced(entry),
      onAnnounced: () => this.pump(),
      onError: (error) => this.fail(error),
    })
    this.#again = new TriesAgain({
      onAttempt: (result) => side.onAttempt(result),
      record: (attempt) => this.#results.record(attempt),
      onError: (error) => this.fail(error),
      onDue: (entry) => {
        this.#queue.push(entry)
        this.pump()
      },
    })
    this.#places = new Places(options, this.#state, {
      maySendAhead: () => !this.observer.isTraced,
      onChange: () => this.pump(),
      onError: (error) => this.fail(error),
      onWarning: (message) => this.warn(message),
    })
    const parts = {
      options,
      state: this.#state,
      queue: this.#queue,
      places: this.#places,
      shortage: this.#shortage,
      observer: this.observer,
      pump: () => this.pump(),
    }
    this.#starts = new Starts({
      ...parts,
      side,
      results: this.#results,
      onEnd: (entry, end) => this.#followUp.take(entry, end),
      onEnded: (entry, error) => this.#letGo(entry, error),
      onError: (error) => this.fail(error),
    })
    this.#followUp = new FollowUp({
      ...parts,
      again: this.#again,
      endings: this.#endings,
      turn: this.#turn,
      finish: (entry, result) => this.#finish(entry, result),
    })
  }

  /** What ended the run from within, such as an `onResult` that failed. */
  get fatal(): { error: unknown } | null {
    return this.#results.fatal
  }

  get stopped(): boolean {
    return this.#state.stopped !== null
  }

  get slots(): LocalSlots {
    return this.#places.slots
  }

  /** Whether nothing runs, nothing waits and nothing comes. */
  get idle(): boolean {
    const { running, ahead } = this.#places
    const count = running.size + this.#queue.size + this.#again.size + ahead.size + this.#results.unannounced
    return count === 0 && this.#side.exhausted
  }

  get running(): ReadonlySet<Entry> {
    return this.#places.running
  }

  get betweenAttempts(): Iterable<Entry> {
    return this.#again
  }

  /** All that run or wait. */
  *live(): Generator<Entry> {
    yield* this.#places.running
    yield* this.#places.ahead.waiting()
    yield* this.#again
    yield* this.#queue
  }

  get paused(): boolean {
    return this.#state.paused
  }

  /** Whether nothing is started for a while; what runs goes on. */
  set paused(paused: boolean) {
    this.#state.paused = paused
    this.#setClock()
    if (this.#state.paused) this.#places.ahead.takeBack()
    this.pump()
  }

  /** From now on the time counts. */
  begin(): void {
    if (!this.#begun) this.options.journal?.begin(this.options.run)
    this.#begun = true
    this.#results.counter.begin()
  }

  progress(): Progress {
    const { running, ahead } = this.#places
    const waiting = Math.min(this.options.runner?.waiting ?? 0, running.size)
    const queued = this.#queue.size + this.#again.size + ahead.waitingCount + waiting
    return this.#results.counter.progress({ total: this.#side.total, queued, running: running.size - waiting })
  }

  summary(): Summary {
    return this.#results.summary(this.#side.allRead)
  }

  enqueue(entry: Entry): void {
    this.#turn.hold(() => this.observer.added(entry))
    const { stopped } = this.#state
    if (stopped !== null) return this.#letGo(entry, stopped)
    this.#queue.push(entry)
    this.#places.ahead.takeBack(({ priority }) => priority < entry.priority)
    this.pump()
  }

  /** Gives a task that cannot be run its result. */
  finishInvalid(entry: Entry, error: ResultError): void {
    this.#turn.hold(() => this.observer.added(entry))
    this.#finish(entry, unstartedResult(entry, 'invalid', error, this.options))
    this.pump()
  }

  /** A task need not be run: an earlier run has brought it to this state. */
  passOver(state: ResultState): void {
    this.#results.counter.passOver(state)
    this.pump()
  }

  /** Starts whatever may start. */
  pump(): void {
    if (!this.#turn.take(this.#startAll)) return
    if (this.#queue.size === 0 || !this.#state.goesOn) this.#places.gate.unwanted()
    if (this.idle) this.#side.onIdle()
  }

  /** Starts nothing more; with `now`, ends what runs too. A second stop can only be a harder one. */
  stop(when: 'soon' | 'now', error: ResultError): void {
    const reason = this.#state.stop(when, error)
    this.#setClock()
    const waiting = [...this.#queue.drain(), ...this.#again.drain()]
    this.#turn.hold(() => {
      for (const entry of waiting) this.#letGo(entry, reason)
      if (when === 'now') this.#places.endAll(error)
      else this.#places.takeBack()
    })
    this.pump()
  }

  /**
   * Ends one task, whatever it is at: what runs is ended, what waits is not started, and nothing of it is tried again.
   *
   * @param graceMs - between TERM and KILL, at the most; may be called again with less. Default: the run's.
   */
  endOne(entry: Entry, error: ResultError, graceMs?: number): void {
    entry.ended ??= error
    if (entry.running !== null) return entry.running.end({ state: 'cancelled', error }, graceMs)
    if (!this.#queue.remove(entry) && !this.#again.remove(entry)) return
    this.#letGo(entry, error)
    this.pump()
  }

  /** KILL at once for whatever is being ended or still runs. */
  hurry(error: ResultError): void {
    this.#state.hurry()
    this.stop('now', error)
    this.#places.hurry()
    this.#endings.hurry()
  }

  /** Stops the run because something in it failed that is no task; the error is what the run then ends with. */
  fail(error: unknown): void {
    if (this.fatal === null) this.observer.failed(error)
    this.#results.fail(error)
    this.stop('now', { code: 'ERR_DROVER_ENDED', message: 'the run was ended by an error' })
  }

  async suspend(): Promise<void> {
    this.#state.suspended = true
    this.#setClock()
    await this.#places.suspend()
    // It may go on already.
    if (this.#state.suspended) this.options.launcher.expectSilence?.(true)
  }

  resume(): void {
    this.#state.suspended = false
    this.#setClock()
    this.options.launcher.expectSilence?.(false)
    this.#places.resume()
    this.pump()
  }

  /** Nothing more will come: it cannot be paused any more, which would keep the event loop alive. */
  over(): void {
    this.#state.over()
    this.#setClock()
  }

  /** When it is idle: gives back what would keep the event loop alive. */
  rest(): void {
    this.#state.paused = false
    this.#setClock()
    this.#shortage.rest()
    this.#starts.rest()
  }

  /** Resolves once no process is left that ended tasks had left behind. */
  allGone(): Promise<void> {
    return this.#endings.allGone()
  }

  /** Resolves when all that was shared with other runs is given back. */
  leaveGate(): Promise<void> {
    return this.#places.gate.rest()
  }

  /** Rates are told by a clock that stands still while nothing may start or go on. */
  #setClock(): void {
    this.#results.counter.standsStill = this.#state.suspended || this.#state.paused
  }

  /** It waited when the run was stopped. A process that its owner has started runs, slot or no slot, and is waited for. */
  #letGo(entry: Entry, error: ResultError): void {
    if (entry.process?.started === true) this.#starts.start(entry)
    else this.#finish(entry, stoppedResult(entry, error, this.options))
  }

  #finish(entry: Entry, result: Result): void {
    // Nothing may start before it is known whether this result halts the run.
    this.#turn.hold(() => {
      this.observer.finished(entry, result)
      this.#results.add(entry, result)
    })
    this.checkHalt()
    this.pump()
  }

  /** Looks whether the halt rule is met; also to be called when the number of tasks becomes known. */
  checkHalt(): void {
    const halt = this.stopped ? null : this.#results.metHalt()
    if (halt !== null) this.stop(halt.when, halt.error)
  }

  /** Tells whoever listens of something that is no error. */
  warn(message: string): void {
    this.observer.warned(message)
    userCall(
      () => this.options.onWarning?.(message),
      (error) => this.fail(error),
    )
  }
}
