import { AsyncResource } from 'node:async_hooks'
import { checkCount, checkOneOf } from '../process/process-options.js'
import { DroverError } from '../task/errors.js'
import type { Result, ResultError, ResultState } from '../task/result.js'
import type { Task } from '../task/task.js'
import { asResultError } from './attempt.js'
import { checkConcurrency, checkDispatchOptions, type DispatchOptions } from './dispatch-options.js'
import type { Entry } from './entry.js'
import { EntryMaker } from './entry-maker.js'
import { Lifecycle } from './lifecycle.js'
import type { Progress, Summary } from './progress.js'
import { ResultStream } from './result-stream.js'
import { Scheduler } from './scheduler.js'
import type { SchedulerSide } from './scheduler-side.js'
import { Steering } from './steering.js'
import { checkIterable, TaskSource, type Tasks } from './task-source.js'
import { userCall } from './user-call.js'

/** Options of `dispatch()`. All of it is optional. */
export interface DispatchSourceOptions extends DispatchOptions {
  /**
   * How many tasks there are, where that is known before they have been read; a function is asked again and again, and may give null
   * as long as it is not. Default: an array's length, else unknown.
   */
  readonly total?: number | null | (() => number | null)
  /** Whether tasks that a halt left unread are read and become `skipped`. Default: true for arrays, false for all else. */
  readonly readRest?: boolean
  /**
   * How many tasks are read ahead of a free slot, so that their priorities count; Infinity reads all before the first
   * start. Default: 0.
   */
  readonly lookahead?: number
  /** Called with each task that is not run and gives no result, because the journal has one. What it throws ends the run. */
  readonly onAlreadyDone?: ((task: Task, info: { index: number; state: ResultState }) => void) | undefined
}

/** Results that may be ready and unread, where the concurrency sets no limit. */
const MOST_UNREAD = 1_024

/**
 * Runs tasks from any iterable, at most `concurrency` at once, and gives their results as they come. Tasks are pulled
 * only as slots free up, and none is started while as many results as there are slots wait to be read. Nothing starts
 * before it is iterated or {@link DispatchRun.summary} is called.
 *
 * @param tasks - tasks, or strings that are lines for the shell (messages, with `pool`). What cannot be a task becomes an `invalid` result.
 * @throws OptionError for an option that cannot be used.
 */
export function dispatch(tasks: Tasks, options: DispatchSourceOptions = {}): DispatchRun {
  return new DispatchRun(tasks, options)
}

/** One run over an iterable; see {@link dispatch}. */
export class DispatchRun implements AsyncIterable<Result> {
  readonly #tasks: Tasks
  readonly #maker: EntryMaker
  readonly #scheduler: Scheduler
  readonly #lifecycle: Lifecycle
  readonly #results: ResultStream
  #readRest: boolean
  readonly #givenTotal: () => number | null
  readonly #onAlreadyDone: DispatchSourceOptions['onAlreadyDone']
  #source: TaskSource | null = null
  #sourceError: { error: unknown } | null = null
  #discard = false
  #begun = false
  #ending = false
  readonly #ended: Promise<void>
  #onEnded!: () => void

  constructor(tasks: Tasks, options: DispatchSourceOptions) {
    const checked = checkDispatchOptions(options)
    checkIterable(tasks)
    this.#tasks = tasks
    this.#readRest = options.readRest ?? Array.isArray(tasks)
    const { total, lookahead = 0 } = options
    this.#givenTotal = totalOf(tasks, total)
    if (lookahead !== Number.POSITIVE_INFINITY) checkCount('lookahead', lookahead)
    this.#onAlreadyDone = options.onAlreadyDone
    this.#maker = new EntryMaker(checked)
    this.#scheduler = new Scheduler(checked, this.#side(lookahead))
    this.steering = new Steering(this.#scheduler)
    this.#lifecycle = new Lifecycle(this.#scheduler, this)
    this.#results = new ResultStream(
      () => this.#scheduler.pump(),
      () => this.#leave(),
    )
    this.#ended = new Promise((resolve) => {
      this.#onEnded = resolve
    })
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
    if (this.#begun) this.#scheduler.pump()
  }

  /** To look at single tasks and to steer them. */
  readonly steering: Steering

  /** The run's id. */
  get run(): string {
    return this.#scheduler.options.run
  }

  /** How it stands at this moment. */
  progress(): Progress {
    return this.#scheduler.progress()
  }

  /** The results as they come. To leave early ends what runs. @throws DroverError when it was begun before. */
  [Symbol.asyncIterator](): AsyncIterator<Result, undefined> {
    if (this.#begun)
      throw new DroverError('ERR_DROVER_CONSUMED', 'these results are being read already; call dispatch() again')
    this.#begin()
    return this.#results
  }

  /**
   * Runs all of it if nobody reads the results, and gives the counts when all is done.
   *
   * @throws (as a rejection) what the source of the tasks or `onResult` threw, after all that ran has ended.
   */
  async summary(): Promise<Summary> {
    if (!this.#begun) {
      this.#discard = true
      this.#begin()
    }
    await this.#ended
    const failure = this.#scheduler.fatal ?? this.#sourceError
    if (failure !== null && this.#discard) throw failure.error
    return this.#scheduler.summary()
  }

  /**
   * Starts nothing more; `now` also ends what runs, with the kill grace.
   *
   * @param reason - what results then have as their error. Default: `ERR_DROVER_HALTED`.
   * @throws OptionError for a word other than `soon` and `now`.
   */
  halt(when: 'soon' | 'now', reason?: ResultError): void {
    checkOneOf('halt', when, ['soon', 'now'])
    this.#scheduler.stop(when, reason ?? { code: 'ERR_DROVER_HALTED', message: 'the run was halted' })
  }

  /**
   * Ends everything at once, without any grace.
   *
   * @param reason - what results then have as their error. Default: `ERR_DROVER_ENDED`.
   */
  destroy(reason?: ResultError): void {
    this.#readRest = false
    this.#lifecycle.hurry(reason ?? { code: 'ERR_DROVER_ENDED', message: 'the run was destroyed' })
  }

  /** Stops all that runs, as Ctrl-Z does, and starts nothing; timeouts stand still. Resolves when all is stopped. */
  suspend(): Promise<void> {
    return this.#scheduler.suspend()
  }

  /** Goes on after {@link suspend}. */
  resume(): void {
    this.#scheduler.resume()
  }

  #side(lookahead: number): SchedulerSide {
    const self = this
    return {
      origin: new AsyncResource('drover.run'),
      lookahead,
      wantMore: () => {
        const before = this.#maker.count
        this.#source?.pull()
        return this.#maker.count > before
      },
      get exhausted() {
        return self.#exhausted
      },
      get allRead() {
        return self.#source?.readToEnd === true
      },
      get total() {
        return self.#source?.readToEnd === true ? self.#maker.count : self.#givenTotal()
      },
      hasRoom: (unannounced) =>
        unannounced + this.#results.unread < Math.min(Math.max(this.concurrency, 1), MOST_UNREAD),
      announce: (_entry, result) => {
        if (!this.#discard) this.#results.push(result)
      },
      onStart() {},
      onAttempt() {},
      onIdle: () => void this.#end(),
    }
  }

  get #exhausted(): boolean {
    if (this.#source === null) return false
    if (this.#scheduler.stopped && !this.#readRest) this.#source.close()
    return this.#source.ended
  }

  #begin(): void {
    this.#begun = true
    this.#source = new TaskSource(
      this.#tasks,
      {
        onTask: (task) => this.#take(this.#maker.make(task)),
        onInvalid: ({ id, invalid }) => {
          const task = id === undefined ? {} : { id }
          this.#scheduler.finishInvalid(this.#maker.makeInvalid(task), invalid)
        },
        onEnd: () => {
          this.#scheduler.checkHalt()
          this.#scheduler.pump()
        },
        onError: (error) => {
          this.#sourceError = { error }
          this.#scheduler.observer.failed(error)
          this.#scheduler.stop('soon', { code: 'ERR_DROVER_INPUT', message: 'the tasks could not be read any further' })
        },
      },
      this.#scheduler.options.pool?.program,
    )
    this.#lifecycle.begin()
    this.#scheduler.pump()
  }

  #take(entry: Entry): void {
    const { journal } = this.#scheduler.options
    let state: ResultState | null
    try {
      state = journal?.stateOf(entry.task, entry.key!) ?? null
    } catch (error) {
      return this.#scheduler.finishInvalid(entry, asResultError(error))
    }
    if (state === null) return this.#scheduler.enqueue(entry)
    const { task, index } = entry
    const fail = (error: unknown) => this.#scheduler.fail(error)
    userCall(() => this.#onAlreadyDone?.(task, { index, state }), fail)?.then(undefined, fail)
    this.#scheduler.passOver(state)
  }

  async #end(): Promise<void> {
    if (this.#ending) return
    this.#ending = true
    this.#scheduler.over()
    await this.#lifecycle.end()
    this.#results.end(this.#scheduler.fatal ?? this.#sourceError)
    this.#onEnded()
  }

  async #leave(): Promise<void> {
    this.#discard = true
    this.#scheduler.stop('now', { code: 'ERR_DROVER_ENDED', message: 'nobody reads the results any more' })
    await this.#ended
  }
}

function totalOf(tasks: Tasks, given: DispatchSourceOptions['total']): () => number | null {
  if (typeof given === 'function') return given
  const total = given == null ? (Array.isArray(tasks) ? tasks.length : null) : checkCount('total', given)
  return () => total
}
