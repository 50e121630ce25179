import { EventEmitter } from 'node:events'
import { Process } from '../process/process.js'
import { checkOneOf } from '../process/process-options.js'
import { checkedTask } from '../task/check-task.js'
import { ClosedError } from '../task/errors.js'
import type { Result, ResultError } from '../task/result.js'
import type { Task } from '../task/task.js'
import { checkConcurrency, checkDispatchOptions, type DispatchOptions } from './dispatch-options.js'
import type { Entry } from './entry.js'
import { EntryMaker } from './entry-maker.js'
import { Lifecycle } from './lifecycle.js'
import type { Progress, Summary } from './progress.js'
import { Scheduler } from './scheduler.js'
import type { SchedulerSide } from './scheduler-side.js'
import { Steering } from './steering.js'

/** Options of {@link Dispatcher}. All of it is optional. */
export interface DispatcherOptions extends DispatchOptions {
  /** Whether {@link Dispatcher.finished} keeps the results; memory then grows with them. Default: false. */
  readonly keepFinished?: boolean
}

/** A task that was added, for whoever wants more than its result. */
export interface AddedTask {
  /** Its place, from 0, as `onOutput` has it. */
  readonly index: number
  /** As {@link Dispatcher.add} gives it. */
  readonly result: Promise<Result>
  /**
   * Ends this task alone: what runs gets TERM, and KILL after the grace; what waits is `skipped`. Nothing of it is tried again.
   *
   * @param graceMs - milliseconds; a later call may make it shorter. Default: the kill grace.
   */
  end(reason: ResultError, graceMs?: number): void
}

/** What a {@link Dispatcher} emits. What a listener throws ends the run. */
export interface DispatcherEvents {
  /** A task, or a retry of it, has been started. */
  start: [task: Task, info: { index: number; attempt: number; slot: number }]
  /** An attempt has ended and another will follow. */
  attempt: [result: Result]
  /** A final result, after `onResult`. */
  result: [result: Result]
  /** Nothing runs and nothing waits. */
  idle: []
}

/**
 * Runs tasks that are added to it, before or while others run, at most `concurrency` at once.
 *
 * @example
 * const dispatcher = new Dispatcher({ concurrency: 2, keepFinished: true })
 * dispatcher.add({ command: 'pngcrush', args: ['a.png', 'b.png'] })
 * dispatcher.add(new Process('date', { name: 'clock' }))
 * await dispatcher.dispatch()
 * dispatcher.finished.map((result) => result.stdout)
 */
export class Dispatcher extends EventEmitter<DispatcherEvents> implements AsyncDisposable {
  /** Final results in the order they came, where `keepFinished` was given. */
  readonly finished: Result[] = []
  readonly #maker: EntryMaker
  readonly #scheduler: Scheduler
  readonly #lifecycle: Lifecycle
  readonly #keepFinished: boolean
  #busy = false
  #closed = false
  #idleWaiters: (() => void)[] = []

  /** @throws OptionError for an option that cannot be used. */
  constructor(options: DispatcherOptions = {}) {
    super()
    const checked = checkDispatchOptions(options)
    this.#keepFinished = options.keepFinished ?? false
    this.#maker = new EntryMaker(checked)
    this.#scheduler = new Scheduler(checked, this.#side())
    this.steering = new Steering(this.#scheduler)
    this.#lifecycle = new Lifecycle(this.#scheduler, this)
  }

  /** How many slots there are. */
  get concurrency(): number {
    return this.#scheduler.slots.limit
  }

  /**
   * May be changed while it runs; less than what runs ends nothing.
   *
   * @throws OptionError unless it is a whole number of at least 1, or Infinity.
   */
  set concurrency(concurrency: number) {
    this.#scheduler.slots.limit = checkConcurrency(concurrency)
    this.#scheduler.pump()
  }

  /** To look at single tasks and to steer them. */
  readonly steering: Steering

  /** The run's id, as results have it. */
  get run(): string {
    return this.#scheduler.options.run
  }

  /** How it stands at this moment; `total` is what was added so far. */
  progress(): Progress {
    return this.#scheduler.progress()
  }

  /**
   * Adds a task, a line for the shell, or a process that may have been started already. It starts as soon as a slot is
   * free.
   *
   * @returns a promise of its final result, which rejects only when the run was ended by an error of a callback.
   * @throws InputError when it is no task, ClosedError after {@link close}; nothing was added then.
   */
  add(task: Task | Process | string): Promise<Result> {
    return this.enter(task).result
  }

  /** As {@link add}, for who may have to end this very task. @throws as {@link add} does. */
  enter(task: Task | Process | string): AddedTask {
    if (this.#closed) throw new ClosedError('this dispatcher')
    const own = task instanceof Process ? task.task : checkedTask(typeof task === 'string' ? { command: task } : task)
    let settle: Entry['settle'] = null
    const result = new Promise<Result>((resolve, reject) => {
      settle = (outcome) => ('result' in outcome ? resolve(outcome.result) : reject(outcome.error))
    })
    // The error is told by dispatch() and close() as well; who does not look at this promise must not be ended by it.
    result.catch(() => {})
    const entry = this.#maker.make(own, task instanceof Process ? task : null, settle)
    this.#lifecycle.begin()
    this.#scheduler.enqueue(entry)
    const { killGraceMs } = this.#scheduler.options
    return {
      index: entry.index,
      result,
      end: (reason, graceMs = killGraceMs) => this.#scheduler.endOne(entry, reason, graceMs),
    }
  }

  /**
   * Resolves when all that was added has its result and no process is left.
   *
   * @throws (as a rejection) what `onResult` or `onOutput` threw, after all that ran has ended.
   */
  async dispatch(): Promise<Summary> {
    await this.#end()
    const { fatal } = this.#scheduler
    if (fatal !== null) throw fatal.error
    return this.#scheduler.summary()
  }

  /**
   * Starts nothing more; `now` also ends what runs, with the kill grace. What waited becomes `skipped`.
   *
   * @param reason - what results then have as their error. Default: `ERR_DROVER_HALTED`.
   * @throws OptionError for a word other than `soon` and `now`.
   */
  halt(when: 'soon' | 'now', reason?: ResultError): void {
    checkOneOf('halt', when, ['soon', 'now'])
    this.#scheduler.stop(when, reason ?? { code: 'ERR_DROVER_HALTED', message: 'the run was halted' })
  }

  /** Stops all that runs and starts nothing; timeouts stand still. Resolves when all is stopped. */
  suspend(): Promise<void> {
    return this.#scheduler.suspend()
  }

  /** Goes on after {@link suspend}. */
  resume(): void {
    this.#scheduler.resume()
  }

  /** Takes nothing more, and resolves when all that was added is done and no process is left. */
  async close(): Promise<void> {
    this.#closed = true
    await this.dispatch()
  }

  /** Takes nothing more and ends everything now: TERM, grace, KILL. Resolves when no process is left. */
  async destroy(): Promise<void> {
    this.#closed = true
    this.#scheduler.stop('now', { code: 'ERR_DROVER_ENDED', message: 'the dispatcher was destroyed' })
    await this.#end()
  }

  /** {@link close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #side(): SchedulerSide {
    const maker = () => this.#maker
    return {
      origin: null,
      lookahead: 0,
      exhausted: true,
      allRead: true,
      get total() {
        return maker().count
      },
      wantMore: () => false,
      hasRoom: () => true,
      announce: (_entry, result) => {
        this.#busy = true
        if (this.#keepFinished) this.finished.push(result)
        this.#tell('result', result)
      },
      onStart: ({ task, index, attempt, slot }) => this.#tell('start', task, { index, attempt, slot }),
      onAttempt: (result) => this.#tell('attempt', result),
      onIdle: () => this.#onIdle(),
    }
  }

  #onIdle(): void {
    this.#lifecycle.rest()
    for (const resolve of this.#idleWaiters.splice(0)) resolve()
    const wasBusy = this.#busy
    this.#busy = false
    if (wasBusy) this.#tell('idle')
  }

  /** What a listener throws ends the run, as with every other callback. */
  #tell<Event extends keyof DispatcherEvents>(event: Event, ...details: DispatcherEvents[Event]): void {
    try {
      this.emit(event, ...(details as never))
    } catch (error) {
      this.#scheduler.fail(error)
    }
  }

  /** Resolves when nothing is left to do, nor of what was done. */
  async #end(): Promise<void> {
    do {
      await this.#idle()
      await this.#lifecycle.end()
    } while (!this.#scheduler.idle)
  }

  #idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idleWaiters.push(resolve)
      this.#scheduler.pump()
    })
  }
}
