import type { OutputStream } from '../launcher/port.js'
import type { SlotPermit } from '../slots/slot-source.js'
import type { Exchange } from './exchange.js'
import { IdleWorkers } from './idle-workers.js'
import type { CheckedPoolOptions } from './pool-options.js'
import { PoolWorker, type WorkerHost } from './pool-worker.js'
import { StartFailures } from './start-failures.js'
import { SurplusWorkers } from './surplus-workers.js'
import { type Waiting, WaitingLine } from './waiting-line.js'
import { WorkerPermits } from './worker-permits.js'

const PROBATION_MS = 250

export interface CrewEvents {
  onStart(worker: PoolWorker): void
  onGone(worker: PoolWorker): void
  onPrinted(worker: PoolWorker, stream: OutputStream, chunk: Buffer): void
  /** People should know. */
  onWarning(message: string): void
}

/**
 * The workers of a pool: how many there are, and which gets what waits.
 *
 *   waiting ──► an idle worker, the one that was busy last
 *          ├──► or, with `pipeline` and all of `max` there, the one with the least to do
 *          └──► or a new worker, when it is ready
 *
 * Workers that were asked to exit, or failed, are none of the crew's any more; of these there are at most `max` as well.
 */
export class Crew implements WorkerHost {
  readonly line = new WaitingLine(() => this.pump())
  readonly workers = new Set<PoolWorker>()
  readonly #scope: string
  readonly #options: CheckedPoolOptions
  readonly #events: CrewEvents
  readonly #failures: StartFailures
  readonly #permits: WorkerPermits
  readonly #outgoing = new Set<PoolWorker>()
  readonly #surplus = new SurplusWorkers()
  readonly #idle = new IdleWorkers()
  #started = 0
  /** Whether any worker has ever answered. */
  #isProven = false
  #isClosing = false
  /** Whether workers without anything to do keep the event loop alive, because something waits for them. */
  #holdsForLine = false
  #pauseTimer: NodeJS.Timeout | null = null
  #onChange: (() => void)[] = []

  constructor(scope: string, options: CheckedPoolOptions, events: CrewEvents) {
    this.#scope = scope
    this.#options = options
    this.#events = events
    this.#failures = new StartFailures(options)
    this.#permits = new WorkerPermits(options.slotSources, {
      launcher: options.launcher,
      run: scope,
      concurrency: () => options.max,
      keepsAlive: false,
      onChange: () => this.pump(),
      shed: () => this.#shed(),
      onError: (error) => this.rejectWaiting(error),
      onWarning: (message) => events.onWarning(message),
    })
  }

  /** How many workers were asked to exit, or are being ended. */
  get outgoing(): number {
    return this.#outgoing.size
  }

  /** Whether one more would have to wait until another is answered. */
  isExhaustedFor({ needsWholeWorker }: Waiting): boolean {
    const { max, pipeline } = this.#options
    const each = needsWholeWorker ? 1 : pipeline
    let room = Math.max(0, max - this.workers.size) * each
    for (const worker of this.workers) {
      if (worker.isStarting || worker.isChecked || worker.process.hasExited) room += each
      else if (worker.hasRoom && !worker.isLeased) room += Math.max(0, each - worker.requests.inFlight)
    }
    return this.line.size >= room
  }

  /** Gives what waits to workers that have room, and starts workers where there are too few. */
  pump(): void {
    for (let next = this.line.peek(); next !== undefined; next = this.line.peek()) {
      const worker = this.#idle.last() ?? (next.needsWholeWorker ? undefined : this.#leastBusy())
      if (worker === undefined || !this.#permits.admits(worker)) break
      this.line.shift()
      next.assign(worker)
    }
    if (this.line.size > 0 || this.#holdsForLine || this.workers.size < this.#options.min) this.#startMissing()
    else this.#permits.unwanted()
    this.#permits.hold(this.line.size > 0)
    if (this.#onChange.length > 0) for (const tell of this.#onChange.splice(0)) tell()
  }

  /** Gives a request to a worker that has nothing to do. False when there is none, or others wait. */
  assignNow(waiting: Waiting): boolean {
    if (this.line.size > 0) return false
    const worker = this.#idle.last()
    if (worker === undefined || !this.#permits.admits(worker)) return false
    waiting.assign(worker)
    return true
  }

  /** Nobody waits any more. */
  rejectWaiting(error: unknown): void {
    this.line.rejectAll(error)
    this.#permits.hold(false)
  }

  /** The maximum has changed: those that are too many exit as soon as they can, and what waits gets those that may be. */
  fit(): void {
    this.#surplus.fit(this.workers, this.#options.max)
    this.pump()
  }

  /** Starts nothing more that nobody waits for. */
  beginClosing(): void {
    this.#isClosing = true
  }

  /** Resolves when nothing waits and no worker has anything to do. */
  async rest(): Promise<void> {
    while (this.line.size > 0 || [...this.workers].some((worker) => worker.isBusy)) await this.#change()
  }

  /** Resolves when nothing is left of any worker. */
  async allGone(): Promise<void> {
    while (this.workers.size + this.#outgoing.size > 0) await this.#change()
    await this.#permits.rest()
  }

  /** All processes that there are, also those that were asked to exit. */
  all(): PoolWorker[] {
    return [...this.workers, ...this.#outgoing]
  }

  /** Gives back what somebody held for himself. */
  release(worker: PoolWorker): void {
    worker.isLeased = false
    worker.process.hold(worker.requests.inFlight > 0 || worker.hasEnded)
    if (!worker.hasEnded) this.onRoom(worker)
  }

  onRoom(worker: PoolWorker): void {
    if (worker.requests.hasAnswered) {
      this.#isProven = true
      this.#failures.noteSuccess()
    }
    if (!worker.isIdle) return this.pump()
    this.#permits.giveBack(worker)
    const { maxSpare, max } = this.#options
    if (worker.isRetired || worker.requests.isUsedUp) return worker.leave()
    this.#idle.add(worker)
    this.pump()
    if (maxSpare < max && worker.isIdle && !this.#isClosing && this.#countIdle() > maxSpare) worker.leave()
  }

  onPrinted(worker: PoolWorker, stream: OutputStream, chunk: Buffer): void {
    this.#events.onPrinted(worker, stream, chunk)
  }

  sendAgain(exchange: Exchange): boolean {
    if (exchange.retries === 0 || exchange.isSettled) return false
    exchange.startOver()
    this.line.push(exchange)
    return true
  }

  onEnded(worker: PoolWorker): void {
    this.workers.delete(worker)
    this.#surplus.onEnded(worker)
    this.#outgoing.add(worker)
    this.#idle.delete(worker)
    const failedStart = worker.failedStart(this.#isProven)
    if (worker.wasNoRoom && [...this.workers].some(({ pid }) => pid !== null)) {
      this.#failures.noteShortage()
    } else if (failedStart !== null) {
      this.#failures.noteFailure(failedStart === 'certain')
      this.#logFailedStart()
      if (this.#failures.areTooMany) this.line.rejectAll(this.#failures.explain(worker.failure!))
    }
    this.pump()
  }

  onGone(worker: PoolWorker): void {
    this.#outgoing.delete(worker)
    this.#permits.giveBack(worker)
    this.#events.onGone(worker)
    this.pump()
  }

  #logFailedStart(): void {
    const { log } = this.#options
    const pauseMs = Math.round(this.#failures.pauseMs)
    log?.warn({ pauseMs }, 'a worker failed at its start; the next is started after a pause')
    if (this.#failures.areTooMany) log?.error({ waiting: this.line.size }, 'workers cannot be started')
  }

  #countIdle(): number {
    let count = 0
    for (const worker of this.workers) if (worker.isIdle) count += 1
    return count
  }

  #leastBusy(): PoolWorker | undefined {
    const { pipeline, max } = this.#options
    if (pipeline === 1 || this.workers.size < max) return undefined
    let best: PoolWorker | undefined
    for (const worker of this.workers) {
      if (!worker.hasRoom || worker.isLeased || this.#permits.isDue(worker)) continue
      if (best === undefined || worker.requests.inFlight < best.requests.inFlight) best = worker
    }
    return best
  }

  #startMissing(): void {
    // Those that something waits for which they are not at yet: to be ready, to be well, to have room.
    this.#holdsForLine = this.line.size > 0
    for (const worker of this.workers) if (!worker.isBusy) worker.process.hold(this.#holdsForLine)
    if (!this.#isOneMissing()) {
      if (!this.#holdsForLine) this.#permits.unwanted()
      return
    }
    const { pauseMs } = this.#failures
    if (pauseMs > 0) return this.#startAfter(pauseMs)
    // Counted anew each time: who is told of a start may ask for more, or destroy the pool.
    while (this.#isOneMissing()) {
      const permit = this.#permits.take()
      if (permit === null) return
      this.#start(permit)
    }
  }

  #isOneMissing(): boolean {
    const { min, max } = this.#options
    let starting = 0
    for (const worker of this.workers) if (worker.isStarting) starting += 1
    const kept = this.#isClosing || this.#failures.areTooMany ? 0 : min - this.workers.size
    const wanted = Math.max(kept, Math.min(this.line.size - starting, max - this.workers.size))
    return Math.min(wanted, 2 * max - this.workers.size - this.#outgoing.size) > 0
  }

  #start(permit: SlotPermit): void {
    this.#started += 1
    const probationMs = this.#failures.callForProbation ? PROBATION_MS : 0
    const worker = new PoolWorker(this.#started, this.#scope, this.#options, { probationMs, permit }, this)
    this.#permits.keep(worker, permit)
    worker.process.hold(this.line.size > 0)
    this.workers.add(worker)
    this.#events.onStart(worker)
  }

  /** Memory is short: one with nothing to do makes room. What is under way is never ended for that. */
  #shed(): boolean {
    const idle = [...this.workers].filter((worker) => worker.isIdle)
    idle.at(-1)?.leave()
    return idle.length > 0
  }

  #startAfter(pauseMs: number): void {
    this.#pauseTimer ??= setTimeout(() => {
      this.#pauseTimer = null
      this.pump()
    }, pauseMs + 1)
    if (this.line.size > 0) this.#pauseTimer.ref()
    else this.#pauseTimer.unref()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#onChange.push(resolve))
  }
}
