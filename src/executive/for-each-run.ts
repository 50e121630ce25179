import type { LateSocket } from '../control/run-socket.js'
import { onAbort } from '../process/on-abort.js'
import { checkOneOf } from '../process/process-options.js'
import { ClosedError, DroverError } from '../task/errors.js'
import type { ResultError } from '../task/result.js'
import { forEachSocket } from './each-control.js'
import type { CheckedForEach } from './for-each-options.js'
import { type AttemptsHost, handleItem, type PulledItem, resultWithoutAttempt } from './item-attempts.js'
import { ItemIntake } from './item-intake.js'
import type { ForEachSummary, ItemResult } from './item-result.js'
import { ItemResults } from './item-results.js'
import { checkItems, type Items } from './items.js'
import { LentResources } from './lent-resources.js'
import { Pauses } from './pauses.js'
import type { Workers } from './workers.js'

/**
 * One run over items; see `forEach()`.
 *
 *   the source ── pull ──► in hand: waits, is handled, waits to be tried again ──► unread ──► read
 *
 * It ends when the source has, nothing is in hand and no process is left.
 */
export class ForEachRun<Item = unknown, Value = unknown> implements AsyncIterable<ItemResult<Item, Value>> {
  readonly #options: CheckedForEach<Item, Value>
  readonly #workers: Workers
  readonly #intake: ItemIntake<Item>
  readonly #results: ItemResults<Item, Value>
  readonly #resources: LentResources
  readonly #pauses = new Pauses()
  readonly #workersBefore: number
  #halted: 'soon' | 'now' | null = null
  #ended: ResultError | null = null
  #failure: { error: unknown } | null = null
  #startError: { error: unknown } | null = null
  #begun = false
  #isEnding = false
  #forgetSignal: (() => void) | null = null
  readonly #socket: LateSocket | null
  readonly #over: Promise<void>
  #onOver!: () => void

  /** @internal */
  constructor(items: Items<Item>, options: CheckedForEach<Item, Value>, workers: Workers) {
    checkItems(items)
    this.#options = options
    this.#workers = workers
    this.#workersBefore = workers.started
    this.#resources = new LentResources(options)
    this.#results = new ItemResults(
      options.keepOrder,
      () => this.#intake.pump(),
      () => this.#leave(),
    )
    this.#intake = new ItemIntake(items, options.concurrency, {
      hasRoom: (limit) => this.#results.hasRoom(limit),
      onLimit: (limit) => workers.resize(limit),
      onItem: (pulled) => void this.#work(pulled),
      onSourceError: (error) => {
        this.#failure ??= { error }
      },
      onCallbackError: (error) => this.#fail(error),
      onRest: () => void this.#end(),
    })
    this.#socket = options.control ? forEachSocket(this) : null
    this.#over = new Promise((resolve) => {
      this.#onOver = resolve
    })
  }

  /** How many processes there are at the most. */
  get concurrency(): number {
    return this.#intake.limit
  }

  /** May be changed while it runs; less than what runs ends nothing. A function given as an option has the last word. */
  set concurrency(concurrency: number) {
    this.#intake.limit = concurrency
    this.#intake.pump()
  }

  /** Whether no more items are pulled for a while; what was pulled goes on. */
  get paused(): boolean {
    return this.#intake.isPaused
  }

  set paused(paused: boolean) {
    this.#intake.isPaused = paused
    this.#intake.pump()
  }

  /** The results as they come. To leave early ends what runs. @throws DroverError when it was begun before. */
  [Symbol.asyncIterator](): AsyncIterator<ItemResult<Item, Value>, undefined> {
    if (this.#begun)
      throw new DroverError('ERR_DROVER_CONSUMED', 'these results are being read already; call forEach() again')
    this.#begin()
    return this.#results.stream
  }

  /**
   * Runs all of it if nobody reads the results, and gives the counts when all is done.
   *
   * @throws (as a rejection) what the source, `onResult`, `release` or `reacquire` threw, or WorkerError when no process could be
   * started; after all that ran has ended.
   */
  async summary(): Promise<ForEachSummary> {
    if (!this.#begun) {
      this.#results.isDiscarding = true
      this.#begin()
    }
    await this.#over
    if (this.#failure !== null && this.#results.isDiscarding) throw this.#failure.error
    return this.progress()
  }

  /** The counts at this moment; items without a result are in `total` only. */
  progress(): ForEachSummary {
    const { byState, failures, elapsedMs } = this.#results.counter
    return {
      total: this.#intake.pulled,
      byState,
      failures,
      complete: this.#intake.wasReadToEnd && byState.cancelled + byState.skipped === 0,
      workers: this.#workers.started - this.#workersBefore,
      durationMs: elapsedMs,
    }
  }

  /**
   * Pulls no more. `soon` finishes what was pulled (an item that the source is about to give is taken as well), but tries nothing
   * again; `now` ends what runs, with the kill grace, and does not wait for the source.
   *
   * @param reason - what results then have as their error. Default: `ERR_DROVER_HALTED`.
   * @throws OptionError for a word other than `soon` and `now`.
   */
  halt(when: 'soon' | 'now', reason?: ResultError): void {
    checkOneOf('halt', when, ['soon', 'now'])
    this.#stop(when, reason ?? { code: 'ERR_DROVER_HALTED', message: 'the run was halted' })
  }

  /**
   * Ends everything at once, without any grace.
   *
   * @param reason - what results then have as their error. Default: `ERR_DROVER_ENDED`.
   */
  destroy(reason?: ResultError): void {
    this.#stop('now', reason ?? { code: 'ERR_DROVER_ENDED', message: 'the run was destroyed' }, 0)
  }

  #begin(): void {
    this.#begun = true
    this.#results.counter.begin()
    this.#socket?.open()
    const { signal } = this.#options
    this.#intake.begin()
    const abort = () => this.#stop('now', { code: 'ERR_DROVER_ABORTED', message: 'the run was aborted' })
    if (signal?.aborted === true) return abort()
    if (signal !== undefined) this.#forgetSignal = onAbort(signal, abort)
    this.#intake.pump()
  }

  async #work(pulled: PulledItem): Promise<void> {
    const result = (await this.#handle(pulled)) as ItemResult<Item, Value>
    this.#results.counter.count(result.state)
    try {
      await this.#options.onResult?.(result)
    } catch (error) {
      this.#fail(error)
    }
    this.#results.announce(result)
    this.#intake.done()
    if (result.state === 'spawn-failed') this.#giveUp(result)
    this.#intake.pump()
  }

  async #handle(pulled: PulledItem): Promise<ItemResult> {
    try {
      await this.#resources.release()
      if (this.#halted !== 'now') return await handleItem(pulled, this.#host())
    } catch (error) {
      this.#fail(error)
    }
    return resultWithoutAttempt(pulled, this.#options.attempts, { state: 'skipped', error: this.#ended ?? ENDED })
  }

  #host(): AttemptsHost {
    return {
      options: this.#options as CheckedForEach,
      passed: this.#workers.passed,
      ended: () => this.#ended,
      open: () => {
        if (this.#halted === 'now') throw new ClosedError('this run')
        return this.#workers.open(this.#intake.limit)
      },
      onStartError: (error) => {
        this.#startError = { error }
      },
      pause: (ms) => this.#pauses.pause(ms),
    }
  }

  /** Others would fail as this one did. */
  #giveUp({ error }: ItemResult<Item, Value>): void {
    this.#failure ??= this.#startError
    this.#stop('soon', error!)
  }

  /** A callback of the user's has failed: all is ended. */
  #fail(error: unknown): void {
    this.#failure ??= { error }
    const message = `the run was ended by an error: ${error instanceof Error ? error.message : String(error)}`
    this.#stop('now', { code: 'ERR_DROVER_CALLBACK', message })
  }

  #stop(when: 'soon' | 'now', reason: ResultError, graceMs?: number): void {
    this.#ended ??= reason
    if (this.#halted !== 'now') this.#halted = when
    this.#pauses.end()
    this.#intake.stop(when)
    if (when === 'now') void this.#workers.destroy(graceMs)
    this.#intake.pump()
  }

  async #end(): Promise<void> {
    if (this.#isEnding) return
    this.#isEnding = true
    await this.#intake.settle()
    await this.#workers.rest()
    if (this.#intake.inHand > 0) {
      this.#isEnding = false
      return
    }
    this.#intake.end()
    try {
      await this.#resources.reacquire()
    } catch (error) {
      this.#failure ??= { error }
    }
    await this.#socket?.close()
    this.#forgetSignal?.()
    this.#tellOver()
    this.#results.stream.end(this.#failure)
    this.#onOver()
  }

  #tellOver(): void {
    const { log, isRound } = this.#options
    if (isRound) return
    if (this.#failure !== null) log?.error({ err: this.#failure.error }, 'the run was ended by an error')
    log?.info(this.progress(), 'run ended')
  }

  /** Nobody reads any more. What fails from here on is told to who left. */
  async #leave(): Promise<void> {
    const known = this.#failure
    this.#results.isDiscarding = true
    this.#stop('now', ENDED)
    await this.#over
    if (this.#failure !== known) throw this.#failure?.error
  }
}

const ENDED: ResultError = { code: 'ERR_DROVER_ENDED', message: 'nobody reads the results any more' }
