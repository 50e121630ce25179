import { resultWithoutStart } from '../process/result-of.js'
import { Gate } from '../slots/gate.js'
import { LocalSlots, SlotNumbers } from '../slots/local-slots.js'
import type { Result, ResultError, ResultState } from '../task/result.js'
import { isTaskStream } from '../task/task-stream.js'
import { Ahead } from './ahead.js'
import { type AttemptEnd, identityOf, prepareAttempt, startAttempt } from './attempt.js'
import { backoffMs, isRetried } from './backoff.js'
import type { CheckedDispatchOptions } from './dispatch-options.js'
import { Endings } from './endings.js'
import type { Entry, Running } from './entry.js'
import { FinalResults } from './final-results.js'
import { Observer } from './observer.js'
import { Pause } from './pause.js'
import type { Progress, Summary } from './progress.js'
import type { SchedulerSide } from './scheduler-side.js'
import { Shortage } from './shortage.js'
import { StartDelay } from './start-delay.js'
import { TaskQueue } from './task-queue.js'
import { TriesAgain } from './tries-again.js'
import { userCall } from './user-call.js'

/**
 * Who runs when. A task's way:
 *
 *   enqueue ─► queue ─► running ─► final ─► journal and onResult (awaited) ─► announced
 *                ▲         │
 *                └─backoff─┘  failed, and tries are left
 *
 * With other machines a task may be sent ahead of its turn, see {@link Ahead}.
 *
 * Once stopped, what waits becomes `skipped`; with `now`, what runs is ended and becomes `cancelled`.
 */
export class Scheduler {
  readonly options: CheckedDispatchOptions
  readonly slots: LocalSlots
  readonly observer: Observer
  readonly #side: SchedulerSide
  readonly #slotNumbers = new SlotNumbers()
  readonly #queue = new TaskQueue<Entry>()
  readonly #running = new Set<Entry>()
  readonly #ahead: Ahead
  readonly #again: TriesAgain
  readonly #endings = new Endings()
  readonly #results: FinalResults
  readonly #shortage = new Shortage(() => this.pump())
  readonly #delay: StartDelay
  readonly #gate: Gate
  #begun = false
  #pumping = false
  #suspended = false
  readonly #pause = new Pause()
  #stopped: ResultError | null = null
  /** Why what runs was ended too; null while it may go on. */
  #endedNow: ResultError | null = null
  #hurried = false
  #halted: string | null = null

  constructor(options: CheckedDispatchOptions, side: SchedulerSide) {
    this.options = options
    this.#side = side
    this.slots = new LocalSlots(options.concurrency)
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
    this.#delay = new StartDelay(options.delayMs, () => this.pump())
    this.#gate = new Gate(options.slotSources, {
      launcher: options.localLauncher,
      run: options.run,
      concurrency: () => this.slots.limit,
      onChange: () => this.pump(),
      shed: (error) => this.#shed(error),
      onError: (error) => this.fail(error),
      onWarning: (message) => {
        this.observer.warned(message)
        userCall(
          () => options.onWarning?.(message),
          (error) => this.fail(error),
        )
      },
    })
    this.#ahead = new Ahead({
      isOn: () => options.sendsAhead && !this.observer.isTraced,
      slots: this.slots,
      gate: this.#gate,
      enter: (entry) => this.#enter(entry),
    })
  }

  /** What ended the run from within, such as an `onResult` that failed. */
  get fatal(): { error: unknown } | null {
    return this.#results.fatal
  }

  get stopped(): boolean {
    return this.#stopped !== null
  }

  /** Whether nothing runs, nothing waits and nothing comes. */
  get idle(): boolean {
    const { size } = this.#ahead
    const count = this.#running.size + this.#queue.size + this.#again.size + size + this.#results.unannounced
    return count === 0 && this.#side.exhausted
  }

  get running(): ReadonlySet<Entry> {
    return this.#running
  }

  get betweenAttempts(): Iterable<Entry> {
    return this.#again
  }

  /** All that run or wait. */
  *live(): Generator<Entry> {
    yield* this.#running
    yield* this.#ahead.waiting()
    yield* this.#again
    yield* this.#queue
  }

  get paused(): boolean {
    return this.#pause.isOn
  }

  /** Whether nothing is started for a while; what runs goes on. */
  set paused(paused: boolean) {
    this.#pause.set(paused && this.#stopped === null)
    this.#setClock()
    if (this.#pause.isOn) this.#ahead.takeBack()
    this.pump()
  }

  /** From now on the time counts. */
  begin(): void {
    if (!this.#begun) this.options.journal?.begin(this.options.run)
    this.#begun = true
    this.#results.counter.begin()
  }

  progress(): Progress {
    const waiting = Math.min(this.options.runner?.waiting ?? 0, this.#running.size)
    const queued = this.#queue.size + this.#again.size + this.#ahead.waitingCount + waiting
    return this.#results.counter.progress({ total: this.#side.total, queued, running: this.#running.size - waiting })
  }

  summary(): Summary {
    return this.#results.summary(this.options.run, this.#halted, this.#side.allRead)
  }

  enqueue(entry: Entry): void {
    this.#hold(() => this.observer.added(entry))
    if (this.#stopped !== null) return this.#letGo(entry, this.#stopped)
    this.#queue.push(entry)
    this.#ahead.takeBack(({ priority }) => priority < entry.priority)
    this.pump()
  }

  /** Gives a task that cannot be run its result. */
  finishInvalid(entry: Entry, error: ResultError): void {
    this.#hold(() => this.observer.added(entry))
    this.#finishUnstarted(entry, 'invalid', error)
    this.pump()
  }

  /** A task need not be run: an earlier run has brought it to this state. */
  passOver(state: ResultState): void {
    this.#results.counter.passOver(state)
    this.pump()
  }

  /** Starts whatever may start. */
  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    if (this.slots.used > this.slots.limit) this.#ahead.takeBack()
    while (this.#step());
    this.#pumping = false
    if (this.#queue.size === 0 || this.#stopped !== null || this.#suspended || this.#pause.isOn) this.#gate.unwanted()
    if (this.idle) this.#side.onIdle()
  }

  /** Starts nothing more; with `now`, ends what runs too. A second stop can only be a harder one. */
  stop(when: 'soon' | 'now', error: ResultError): void {
    this.#stopped ??= error
    if (when === 'now') this.#endedNow ??= error
    this.#pause.set(false)
    this.#setClock()
    const waiting = [...this.#queue.drain(), ...this.#again.drain()]
    this.#hold(() => {
      for (const entry of waiting) this.#letGo(entry, this.#stopped!)
      if (when === 'soon') this.#ahead.takeBack()
      // Those that have just got the place of what ended, and do not use it yet.
      if (when === 'soon') for (const entry of this.#running) entry.running?.takeBack?.()
      if (when === 'now') for (const entry of this.#ahead.waiting()) entry.running?.end({ state: 'cancelled', error })
      if (when === 'now') for (const entry of this.#running) entry.running?.end({ state: 'cancelled', error })
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
    entry.shed = null
    if (entry.running !== null) return entry.running.end({ state: 'cancelled', error }, graceMs)
    if (!this.#queue.remove(entry) && !this.#again.remove(entry)) return
    this.#letGo(entry, error)
    this.pump()
  }

  /** KILL at once for whatever is being ended or still runs. */
  hurry(error: ResultError): void {
    this.#hurried = true
    this.stop('now', error)
    for (const entry of [...this.#running, ...this.#ahead.waiting()]) entry.running?.hurry()
    this.#endings.hurry()
  }

  /** Stops the run because something in it failed that is no task; the error is what the run then ends with. */
  fail(error: unknown): void {
    if (this.fatal === null) this.observer.failed(error)
    this.#results.fail(error)
    this.stop('now', { code: 'ERR_DROVER_ENDED', message: 'the run was ended by an error' })
  }

  async suspend(): Promise<void> {
    this.#suspended = true
    this.#setClock()
    this.#ahead.takeBack()
    await Promise.all([...this.#running].map((entry) => entry.running?.suspend()))
    this.options.launcher.expectSilence?.(true)
  }

  resume(): void {
    this.#suspended = false
    this.#setClock()
    this.options.launcher.expectSilence?.(false)
    for (const entry of this.#running) entry.running?.resume()
    this.pump()
  }

  /** When it is idle: gives back what would keep the event loop alive. */
  rest(): void {
    this.#pause.set(false)
    this.#shortage.rest()
    this.#delay.rest()
  }

  /** Resolves once no process is left that ended tasks had left behind. */
  allGone(): Promise<void> {
    return this.#endings.allGone()
  }

  /** Resolves when all that was shared with other runs is given back. */
  leaveGate(): Promise<void> {
    return this.#gate.rest()
  }

  /** Does one thing; false when there is nothing to do until something happens. */
  #step(): boolean {
    const side = this.#side
    if ((this.#suspended || this.#pause.isOn) && this.#stopped === null) return false
    if (this.#results.isJammed || !side.hasRoom(this.#results.unannounced)) return false
    const waiting = this.#queue.size
    const weight = this.#queue.peek()?.weight ?? 1
    const isHeld = this.#stopped !== null || this.#shortage.holds(this.#running.size)
    const mayStart = !isHeld && this.slots.fits(weight)
    const maySend = !isHeld && this.#ahead.mayTake(weight)
    if (
      !side.exhausted &&
      (this.#stopped !== null || (waiting <= side.lookahead && (mayStart || maySend || side.lookahead > 0)))
    ) {
      if (side.wantMore()) return true
      if (side.lookahead > 0 && !side.exhausted) return false
    }
    const entry = this.#queue.peek()
    if (entry === undefined) return mayStart && this.#ahead.useFree()
    if (mayStart && this.slots.fits(entry.weight) && !this.#delay.holds()) {
      const permit = this.#gate.take(entry.weight)
      if (permit !== null) {
        if (this.#ahead.admit(permit, entry.weight)) return true
        entry.permit = permit
        this.#queue.pop()
        this.#start(entry)
        return true
      }
    }
    return maySend && this.#sendAhead(entry)
  }

  #setClock(): void {
    this.#results.counter.standsStill = this.#suspended || this.#pause.isOn
  }

  #sendAhead(entry: Entry): boolean {
    if (!this.#ahead.add(entry)) return false
    this.#queue.pop()
    entry.attempt += 1
    const prepared = prepareAttempt(entry, this.options)
    entry.startedMs = performance.now()
    if (this.#stopped === null) entry.running = this.#attempt(entry, prepared)
    else this.#onNotStarted(entry)
    return true
  }

  #start(entry: Entry): void {
    entry.attempt += 1
    entry.slot = this.#slotNumbers.take()
    this.slots.acquire(entry.weight)
    const prepared = prepareAttempt(entry, this.options)
    // What was called to prepare it may have stopped the run.
    if (this.#stopped !== null && prepared !== null) {
      entry.attempt -= 1
      this.#release(entry, false)
      return this.#finishStopped(entry, this.#stopped)
    }
    this.#delay.started()
    entry.permit?.begin?.()
    entry.startedMs = performance.now()
    this.#running.add(entry)
    const endedBefore = entry.ended ?? this.#endedNow
    entry.running = this.observer.start(entry, () => this.#attempt(entry, prepared))
    // Who was told of the start may have ended it, when there was nothing to end yet.
    const error = entry.ended ?? this.#endedNow
    if (error !== null && endedBefore === null) {
      entry.running.end({ state: 'cancelled', error })
      if (this.#hurried) entry.running.hurry()
    }
    this.#side.onStart(entry)
  }

  #attempt(entry: Entry, prepared: ReturnType<typeof prepareAttempt>): Running {
    return startAttempt(entry, prepared, this.options, {
      onEnd: (end) => this.#onEnd(entry, end),
      onBegin: (startedMs) => {
        this.#ahead.begin(entry)
        entry.startedMs = startedMs
        this.observer.start(entry, () => {})
        this.#side.onStart(entry)
      },
      onNotStarted: () => this.#onNotStarted(entry),
      onError: (error) => this.fail(error),
    })
  }

  /** One that was sent ahead runs, or is about to. */
  #enter(entry: Entry): void {
    entry.slot = this.#slotNumbers.take()
    this.#running.add(entry)
    if (this.#suspended) void entry.running?.suspend()
  }

  /** One that was sent ahead is where it was before. */
  #onNotStarted(entry: Entry): void {
    this.#release(entry, true)
    entry.attempt -= 1
    const ended = entry.ended ?? this.#stopped
    if (ended !== null) this.#letGo(entry, ended)
    else this.#queue.push(entry)
    this.pump()
  }

  #onEnd(entry: Entry, end: AttemptEnd): void {
    const running = entry.running!
    this.#endings.add(running)
    this.#take(entry, end)
    // Not before it is known what follows from the result.
    running.leave?.()
  }

  #take(entry: Entry, end: AttemptEnd): void {
    entry.recent?.end(end.state)
    entry.recent = null
    this.#release(entry, end.state !== 'lost')
    let known: Result | null = null
    const resultOnce = () => {
      known ??= end.result()
      return known
    }
    let tellDecided: (again: boolean) => void = () => {}
    this.#hold(() => {
      tellDecided = this.observer.ended(entry, resultOnce)
    })
    const decided = (again: boolean) => this.#hold(() => tellDecided(again))
    if (this.#endOf(entry) === null && end.shortage && this.#shortage.retries(this.#running.size)) {
      decided(true)
      entry.attempt -= 1
      if (this.#endOf(entry) === null) this.#queue.push(entry)
      else this.#finishStopped(entry, this.#endOf(entry)!)
      return this.pump()
    }
    if (end.state !== 'spawn-failed') this.#shortage.started()
    const result = resultOnce()
    if (entry.shed !== null && result.state === 'cancelled' && this.#endOf(entry) === null) {
      decided(true)
      entry.shed = null
      // That it had to make way is none of the tries that it may have.
      entry.attempt -= 1
      return this.#tryAgain(entry, result, null)
    }
    const mayRetry = this.#endOf(entry) === null && entry.attempt < entry.attempts
    const again = mayRetry && isRetried(result.state)
    decided(again)
    if (!again) return this.#finish(entry, result)
    this.#tryAgain(entry, result, backoffMs(this.options.backoffMs, entry.attempt))
    this.pump()
  }

  /** Unless whoever was told that it is tried again has ended it, which takes all that waits, and this did not wait yet. */
  #tryAgain(entry: Entry, result: Result, pauseMs: number | null): void {
    const error = this.#endOf(entry)
    if (error === null) return this.#again.add(entry, result, pauseMs)
    entry.last = result
    this.#finishStopped(entry, error)
  }

  /** Why nothing of it is started any more. */
  #endOf(entry: Entry): ResultError | null {
    return this.#stopped ?? entry.ended
  }

  /** Not the one that was started first, so that there is always one that gets done. */
  #shed(error: ResultError): boolean {
    const youngest = [...this.#running]
      .filter(({ shed, task }) => shed === null && !isTaskStream(task.stdin))
      .slice(1)
      .at(-1)
    if (youngest === undefined) return false
    youngest.shed = error
    youngest.running?.endNow({ state: 'cancelled', error })
    return true
  }

  /** @param passesOn - whether one that was sent ahead may have its place. */
  #release(entry: Entry, passesOn: boolean): void {
    const { permit, ahead, weight } = entry
    this.#running.delete(entry)
    if (ahead?.hasBegun !== false) this.#slotNumbers.giveBack(entry.slot)
    entry.running = null
    entry.permit = null
    if (ahead !== null) return this.#ahead.delete(entry)
    const isFree = !this.#suspended && !this.#pause.isOn && this.#stopped === null
    const mayBegin = isFree && this.slots.used <= this.slots.limit
    if (passesOn && permit !== null && this.#ahead.passOn(permit, weight, mayBegin)) return
    this.slots.release(weight)
    permit?.release()
  }

  /** It waited when the run was stopped. A process that its owner has started runs, slot or no slot, and is waited for. */
  #letGo(entry: Entry, error: ResultError): void {
    if (entry.process?.started === true) this.#start(entry)
    else this.#finishStopped(entry, error)
  }

  /** What waited for another attempt has not come to an end of its own; its result tells of the last attempt all the same. */
  #finishStopped(entry: Entry, error: ResultError): void {
    if (entry.backoff !== null) clearTimeout(entry.backoff)
    if (entry.last !== null) this.#finish(entry, { ...entry.last, state: 'cancelled', error })
    else this.#finishUnstarted(entry, 'skipped', error)
  }

  #finishUnstarted(entry: Entry, state: 'skipped' | 'invalid', error: ResultError): void {
    const identity = identityOf(entry, this.options, performance.now() - entry.queuedAtMs)
    this.#finish(entry, resultWithoutStart(entry.task, identity, state, error, this.options.encoding))
  }

  #finish(entry: Entry, result: Result): void {
    // Nothing may start before it is known whether this result halts the run.
    this.#hold(() => {
      this.observer.finished(entry, result)
      this.#results.add(entry, result)
    })
    this.checkHalt()
    this.pump()
  }

  /** Looks whether the halt rule is met; also to be called when the number of tasks becomes known. */
  checkHalt(): void {
    if (this.#stopped !== null) return
    const rule = this.#results.metRule()
    if (rule === null) return
    this.#halted = this.options.haltWords
    this.stop(rule.when, { code: 'ERR_DROVER_HALTED', message: `the run was halted by ${this.options.haltWords}` })
  }

  /** Does something during which nothing is started, and nobody is told that all is done. To be followed by a pump. */
  #hold(work: () => void): void {
    const pumping = this.#pumping
    this.#pumping = true
    try {
      work()
    } finally {
      this.#pumping = pumping
    }
  }
}
