import { EventEmitter } from 'node:events'
import { onAbort } from '../process/on-abort.js'
import { checkDuration, checkSignal, rejectUnknown } from '../process/process-options.js'
import { sweep } from '../process/sweep.js'
import { ClosedError } from '../task/errors.js'
import { describeCommand, type Task, type Text } from '../task/task.js'
import { uniqueId } from '../task/unique-id.js'
import type { Answer, RequestOptions } from './answer.js'
import { checkPoolOptions, sizesWithMax, type WorkerProgram } from './check-pool-options.js'
import { checkPriority, REQUEST_OPTIONS } from './check-request.js'
import { Crew } from './crew.js'
import type { Exchange } from './exchange.js'
import { ExchangeMaker } from './exchange-maker.js'
import { Lease } from './lease.js'
import { LeaseRequest } from './lease-request.js'
import { PoolExhaustedError } from './pool-errors.js'
import { crewEventsOf, type PoolEvents } from './pool-events.js'
import type { CheckedPoolOptions, PoolOptions } from './pool-options.js'
import { PoolCounts, type PoolStats } from './pool-stats.js'
import type { PoolWorker } from './pool-worker.js'
import { Upkeep } from './upkeep.js'

/** How a worker is waited for. All of it is optional. */
export interface AcquireOptions {
  /** Gives up waiting when it is aborted; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Higher first; equals in the order they came. Default: 0. */
  readonly priority?: number | undefined
}

/**
 * Worker processes that stay, and answer requests.
 *
 * @typeParam Output - `string`, or `Buffer` with `encoding: 'buffer'`.
 *
 * @example
 * await using pool = new ProcessPool('php worker.php', { protocol: 'process-pool', max: 4 })
 * const { value, stderr } = await pool.request('message')
 */
export class ProcessPool<Output extends string | Buffer = string>
  extends EventEmitter<PoolEvents>
  implements AsyncDisposable
{
  readonly #options: CheckedPoolOptions
  readonly #given: PoolOptions
  readonly #scope = `pool-${uniqueId()}`
  readonly #crew: Crew
  readonly #upkeep: Upkeep
  readonly #counts = new PoolCounts()
  readonly #exchanges: ExchangeMaker
  readonly #hurry = new AbortController()
  #isClosed = false
  #ended: Promise<void> | null = null

  /**
   * `min` workers are started at once.
   *
   * @param program - a module (`file:` URL) that calls `serve()` of `drover/worker` or exports `handle`; a line for the shell; or,
   * with `args`, a program that is run directly.
   * @throws OptionError, or InputError for a command that cannot be one.
   */
  constructor(program: WorkerProgram, options?: PoolOptions)
  constructor(program: WorkerProgram, args: readonly Text[], options?: PoolOptions)
  constructor(program: WorkerProgram, argsOrOptions: readonly Text[] | PoolOptions = {}, more: PoolOptions = {}) {
    super()
    const args = Array.isArray(argsOrOptions) ? (argsOrOptions as readonly Text[]) : undefined
    this.#given = args === undefined ? (argsOrOptions as PoolOptions) : more
    this.#options = checkPoolOptions(program, args, this.#given)
    this.#exchanges = new ExchangeMaker(this.#options, this.#counts)
    const onStarted = () => {
      this.#counts.started += 1
    }
    this.#crew = new Crew(this.#scope, this.#options, crewEventsOf(this, this.#options.log, onStarted))
    this.#upkeep = new Upkeep(this.#crew, this.#options)
    this.#upkeep.begin()
    this.#crew.pump()
  }

  /** What its workers run; for a module, its URL. */
  get program(): Pick<Task, 'command' | 'args'> {
    return this.#options.program
  }

  /** How many workers there are at the most. */
  get max(): number {
    return this.#options.max
  }

  /**
   * May be changed at any time. With more, what waits gets workers at once. With fewer, those too many exit as soon as they have
   * answered what they have, and are released; nothing is ended.
   *
   * @throws OptionError when it is no whole number of at least 1, or less than `min`.
   */
  set max(max: number) {
    const { max: checked, maxSpare } = sizesWithMax(this.#given, max)
    this.#options.max = checked
    this.#options.maxSpare = maxSpare
    this.#crew.fit()
  }

  /** Counts, utilisation and latencies. */
  stats(): PoolStats {
    return this.#counts.stats(this.#crew)
  }

  /**
   * Sends a request to a worker that has nothing to do, or starts one, or waits.
   *
   * @param data - any value that can be cloned (or, for workers that are not JavaScript, written as JSON), a string or bytes. Bytes
   * must not change until the promise is settled.
   * @returns what the worker answered.
   * @throws (as a rejection) HandlerError when its handler threw; WorkerError when it died; RequestTimeoutError; the signal's
   * reason; PoolExhaustedError; ClosedError; OptionError, or DroverError `ERR_DROVER_VALUE`, for what cannot be sent.
   */
  request<Value = unknown>(data: unknown, options: RequestOptions = {}): Promise<Answer<Value, Output>> {
    try {
      this.#refuseIfClosed()
      rejectUnknown('request()', options, REQUEST_OPTIONS)
      const { exchange, answer } = this.#exchanges.make(data, options, false)
      if (!exchange.isSettled) this.#enqueue(exchange)
      return answer
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Takes a worker for oneself, until it is released.
   *
   * @throws (as a rejection) WorkerError when none can be started; the signal's reason; PoolExhaustedError; ClosedError.
   */
  async acquire(options: AcquireOptions = {}): Promise<Lease<unknown, Output>> {
    this.#refuseIfClosed()
    rejectUnknown('acquire()', options, ['signal', 'priority'])
    const { signal } = options
    checkSignal(signal)
    signal?.throwIfAborted()
    const worker = await new Promise<PoolWorker>((resolve, reject) => {
      const request = new LeaseRequest(checkPriority(options.priority), this.#exchanges.nextOrder(), resolve, reject)
      if (signal !== undefined) request.release = onAbort(signal, () => request.reject(signal.reason))
      this.#enqueue(request)
    })
    return new Lease(worker, {
      makeExchange: (data, own) => this.#exchanges.make(data, { ...own, retries: 0 }, true),
      release: (leased) => this.#crew.release(leased),
    })
  }

  /**
   * Takes nothing more, waits until all that was asked for is answered and all leases are released, and asks the workers to
   * exit. Resolves when no process is left.
   */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#ended === null) {
      this.#crew.beginClosing()
      await this.#crew.rest()
    }
    this.#ended ??= this.#end(this.#options.killGraceMs, () => {
      for (const worker of this.#crew.workers) worker.leave()
    })
    await this.#ended
  }

  /**
   * Rejects all that was asked for with ClosedError, and ends the workers with all that they started: TERM, grace, KILL.
   * Resolves when no process is left.
   *
   * @param options - `graceMs`: milliseconds between TERM and KILL; 0 is KILL at once. Default: `killGraceMs`.
   */
  async destroy({ graceMs = this.#options.killGraceMs }: { readonly graceMs?: number } = {}): Promise<void> {
    checkDuration('graceMs', graceMs)
    this.#isClosed = true
    this.#crew.beginClosing()
    const error = new ClosedError('this pool')
    if (graceMs === 0) this.#hurry.abort()
    this.#crew.rejectWaiting(error)
    for (const worker of this.#crew.all()) worker.destroy(error, graceMs)
    this.#ended ??= this.#end(graceMs, () => {})
    await this.#ended
  }

  /** {@link close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #end(graceMs: number, dismiss: () => void): Promise<void> {
    this.#upkeep.end()
    dismiss()
    await this.#crew.allGone()
    const { launcher } = this.#options
    await sweep(launcher, this.#scope, { graceMs, hurry: this.#hurry.signal, isOver: () => true })
  }

  #enqueue(waiting: Exchange | LeaseRequest): void {
    if (this.#crew.assignNow(waiting)) return
    const { exhausted, maxQueue, max } = this.#options
    if (exhausted === 'throw' && this.#crew.isExhaustedFor(waiting)) {
      return waiting.reject(
        new PoolExhaustedError(`all workers of ${this.#name} are in use, and at most ${max} are allowed`),
      )
    }
    if (this.#crew.line.size >= maxQueue && this.#crew.isExhaustedFor(waiting)) {
      const message = `${maxQueue} requests wait for a worker of ${this.#name} already; wait for answers before asking for more, or raise maxQueue`
      return waiting.reject(new PoolExhaustedError(message))
    }
    this.#crew.line.push(waiting)
    this.#crew.pump()
  }

  get #name(): string {
    return `the pool (${describeCommand(this.#options.program)})`
  }

  #refuseIfClosed(): void {
    if (this.#isClosed) throw new ClosedError('this pool')
  }
}
