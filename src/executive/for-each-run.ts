import type { LateSocket } from '../control/run-socket.js'
import { Pause } from '../dispatch/pause.js'
import { ResultCounter } from '../dispatch/progress.js'
import { ResultStream } from '../dispatch/result-stream.js'
import { onAbort } from '../process/on-abort.js'
import { checkCount, checkOneOf } from '../process/process-options.js'
import { ClosedError, DroverError } from '../task/errors.js'
import type { ResultError } from '../task/result.js'
import { forEachSocket } from './each-control.js'
import type { CheckedForEach } from './for-each-options.js'
import { type AttemptsHost, handleItem, type PulledItem, resultWithoutAttempt } from './item-attempts.js'
import type { ForEachSummary, ItemResult } from './item-result.js'
import { checkItems, ItemSource, type Items } from './items.js'
import { OrderedResults } from './ordered-results.js'
import { Pauses } from './pauses.js'
import type { Workers } from './workers.js'

/** Results that may be ready and unread in all, where they are to be in order. */
const AHEAD_IN_ORDER = 16

/**
 * One run over items; see `forEach()`.
 *
 *   the source ── pull ──► in hand: waits, is handled, waits to be tried again ──► unread ──► read
 *
 * It ends when the source has, nothing is in hand and no process is left.
 */
export class ForEachRun<Item = unknown, Value = unknown> implements AsyncIterable<ItemResult<Item, Value>> {
  readonly #items: Items<Item>
  readonly #options: CheckedForEach<Item, Value>
  readonly #workers: Workers
  readonly #results: ResultStream<ItemResult<Item, Value>>
  readonly #ordered: OrderedResults<ItemResult<Item, Value>> | null
  readonly #counter = new ResultCounter()
  readonly #pauses = new Pauses()
  readonly #workersBefore: number
  #source: ItemSource<Item> | null = null
  #limit: number
  #pulled = 0
  #inHand = 0
  readonly #pause = new Pause()
  #halted: 'soon' | 'now' | null = null
  #ended: ResultError | null = null
  #failure: { error: unknown } | null = null
  #startError: { error: unknown } | null = null
  #release: Promise<void> | null = null
  #hasReleased = false
  #discard = false
  #begun = false
  #isPumping = false
  #isEnding = false
  #isOver = false
  #forgetSignal: (() => void) | null = null
  readonly #socket: LateSocket | null
  readonly #over: Promise<void>
  #onOver!: () => void

  /** @internal */
  constructor(items: Items<Item>, options: CheckedForEach<Item, Value>, workers: Workers) {
    checkItems(items)
    this.#items = items
    this.#options = options
    this.#workers = workers
    this.#workersBefore = workers.started
    this.#limit = typeof options.concurrency === 'number' ? options.concurrency : 1
    this.#ordered = options.keepOrder ? new OrderedResults() : null
    this.#results = new ResultStream(
      () => this.#pump(),
      () => this.#leave(),
    )
    this.#socket = options.control ? forEachSocket(this) : null
    this.#over = new Promise((resolve) => {
      this.#onOver = resolve
    })
  }

  /** How many processes there are at the most. */
  get concurrency(): number {
    return this.#limit
  }

  /** May be changed while it runs; less than what runs ends nothing. A function given as an option has the last word. */
  set concurrency(concurrency: number) {
    this.#setLimit(concurrency)
    if (this.#begun) this.#pump()
  }

  /** Whether no more items are pulled for a while; what was pulled goes on. */
  get paused(): boolean {
    return this.#pause.isOn
  }

  set paused(paused: boolean) {
    this.#pause.set(paused && this.#halted === null)
    if (this.#begun) this.#pump()
  }

  /** The results as they come. To leave early ends what runs. @throws DroverError when it was begun before. */
  [Symbol.asyncIterator](): AsyncIterator<ItemResult<Item, Value>, undefined> {
    if (this.#begun)
      throw new DroverError('ERR_DROVER_CONSUMED', 'these results are being read already; call forEach() again')
    this.#begin()
    return this.#results
  }

  /**
   * Runs all of it if nobody reads the results, and gives the counts when all is done.
   *
   * @throws (as a rejection) what the source, `onResult`, `release` or `reacquire` threw, or WorkerError when no process could be
   * started; after all that ran has ended.
   */
  async summary(): Promise<ForEachSummary> {
    if (!this.#begun) {
      this.#discard = true
      this.#begin()
    }
    await this.#over
    if (this.#failure !== null && this.#discard) throw this.#failure.error
    return this.progress()
  }

  /** The counts at this moment; items without a result are in `total` only. */
  progress(): ForEachSummary {
    const { byState, failures, elapsedMs } = this.#counter
    return {
      total: this.#pulled,
      byState,
      failures,
      complete: this.#source?.wasReadToEnd === true && byState.cancelled + byState.skipped === 0,
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
    this.#counter.begin()
    this.#socket?.open()
    const { signal } = this.#options
    this.#source = new ItemSource(this.#items, {
      onItem: (item) => this.#take(item),
      onEnd: () => this.#pump(),
      onError: (error) => {
        this.#failure ??= { error }
        this.#pump()
      },
    })
    if (this.#halted !== null) this.#source.close()
    const abort = () => this.#stop('now', { code: 'ERR_DROVER_ABORTED', message: 'the run was aborted' })
    if (signal?.aborted === true) return abort()
    if (signal !== undefined) this.#forgetSignal = onAbort(signal, abort)
    this.#pump()
  }

  #pump(): void {
    const source = this.#source
    if (this.#isPumping || this.#isEnding || source === null) return
    this.#isPumping = true
    try {
      for (let before = -1; before < this.#pulled && this.#hasRoom(); ) {
        before = this.#pulled
        source.pull()
      }
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#isPumping = false
    }
    if (source.hasEnded && this.#inHand === 0) void this.#end()
  }

  #hasRoom(): boolean {
    if (this.#pause.isOn || this.#halted !== null || this.#source!.hasEnded) return false
    const { concurrency } = this.#options
    if (typeof concurrency === 'function') this.#setLimit(concurrency())
    const unread = this.#results.unread + (this.#ordered?.held ?? 0)
    return this.#inHand < this.#limit && unread < this.#limit * (this.#ordered === null ? 1 : AHEAD_IN_ORDER)
  }

  #setLimit(limit: number): void {
    if (limit === this.#limit) return
    this.#limit = checkCount('concurrency', limit, 1)
    this.#workers.resize(limit)
  }

  #take(item: Item): void {
    if (this.#isOver) return
    const pulled = { item, index: this.#pulled, pulledMs: performance.now() }
    this.#pulled += 1
    this.#inHand += 1
    void this.#work(pulled)
    this.#pump()
  }

  async #work(pulled: PulledItem): Promise<void> {
    const result = (await this.#handle(pulled)) as ItemResult<Item, Value>
    this.#counter.count(result.state)
    try {
      await this.#options.onResult?.(result)
    } catch (error) {
      this.#fail(error)
    }
    this.#announce(result)
    this.#inHand -= 1
    if (result.state === 'spawn-failed') this.#giveUp(result)
    this.#pump()
  }

  async #handle(pulled: PulledItem): Promise<ItemResult> {
    try {
      this.#release ??= this.#callRelease()
      await this.#release
      if (this.#halted !== 'now') return await handleItem(pulled, this.#host())
    } catch (error) {
      this.#fail(error)
    }
    return resultWithoutAttempt(pulled, this.#options.attempts, { state: 'skipped', error: this.#ended ?? ENDED })
  }

  async #callRelease(): Promise<void> {
    await this.#options.release?.()
    this.#hasReleased = true
  }

  #host(): AttemptsHost {
    return {
      options: this.#options as CheckedForEach,
      passed: this.#workers.passed,
      ended: () => this.#ended,
      open: () => {
        if (this.#halted === 'now') throw new ClosedError('this run')
        return this.#workers.open(this.#limit)
      },
      onStartError: (error) => {
        this.#startError = { error }
      },
      pause: (ms) => this.#pauses.pause(ms),
    }
  }

  #announce(result: ItemResult<Item, Value>): void {
    const ready = this.#ordered === null ? [result] : this.#ordered.add(result)
    if (!this.#discard) for (const each of ready) this.#results.push(each)
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
    this.#pause.set(false)
    if (this.#halted !== 'now') this.#halted = when
    this.#pauses.end()
    if (when === 'soon') this.#source?.finish()
    else this.#source?.close()
    if (when === 'now') void this.#workers.destroy(graceMs)
    this.#pump()
  }

  async #end(): Promise<void> {
    if (this.#isEnding) return
    this.#isEnding = true
    // What an asynchronous source had as good as given when the run was ended.
    if (this.#source?.isPulling === true) await new Promise((resolve) => setImmediate(resolve))
    await this.#workers.rest()
    if (this.#inHand > 0) {
      this.#isEnding = false
      return
    }
    this.#isOver = true
    this.#pause.set(false)
    if (this.#hasReleased) {
      try {
        await this.#options.reacquire?.()
      } catch (error) {
        this.#failure ??= { error }
      }
    }
    await this.#socket?.close()
    this.#forgetSignal?.()
    this.#tellOver()
    this.#results.end(this.#failure)
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
    this.#discard = true
    this.#stop('now', ENDED)
    await this.#over
    if (this.#failure !== known) throw this.#failure?.error
  }
}

const ENDED: ResultError = { code: 'ERR_DROVER_ENDED', message: 'nobody reads the results any more' }
