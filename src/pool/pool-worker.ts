import { isShortageCode } from '../dispatch/shortage.js'
import type { OutputStream } from '../launcher/port.js'
import type { SlotPermit } from '../slots/slot-source.js'
import type { ResultError } from '../task/result.js'
import type { RemoteError } from './conversation.js'
import type { Exchange } from './exchange.js'
import type { WorkerError } from './pool-errors.js'
import type { CheckedPoolOptions } from './pool-options.js'
import { type Cause, cannotStart, causeOfEnd, causeOfExcess, workerErrorOf } from './worker-failures.js'
import { type ProcessEnd, WorkerProcess, type WorkerProcessEvents } from './worker-process.js'
import { type RequestsOwner, WorkerRequests } from './worker-requests.js'

/** Whom a worker tells what has become of it. */
export interface WorkerHost {
  /** It can take requests, for the first time, or has room for more. */
  onRoom(worker: PoolWorker): void
  /** Printed outside of any request. */
  onPrinted(worker: PoolWorker, stream: OutputStream, chunk: Buffer): void
  /** It died with a request that was not answered. Returns whether that is sent to another. */
  sendAgain(exchange: Exchange): boolean
  /** It takes nothing more, for whatever reason. Called once, before {@link onGone}. */
  onEnded(worker: PoolWorker): void
  /** Nothing is left of it. */
  onGone(worker: PoolWorker): void
}

/** How one worker is started. */
export interface StartTerms {
  /** How long it has to live before it gets a request, where it does not say that it is ready. */
  readonly probationMs: number
  /** What lets it start, and may tell it something. */
  readonly permit: SlotPermit
}

/** One that was ready for longer did not fail at its start, whatever became of it. */
const LONG_LIFE_MS = 10_000

/**
 * One worker:
 *
 *   starting ──► ready ──► leaving: asked to exit ─────────────► gone
 *       └──────────┴─────► failed: it died, or is being ended ──► gone
 *
 * What a worker that fails was sent is rejected, or goes to another where it may.
 */
export class PoolWorker implements WorkerProcessEvents, RequestsOwner {
  readonly number: number
  readonly startedMs = performance.now()
  readyMs = this.startedMs
  /** When it was last asked whether it is well. */
  checkedMs = this.startedMs
  /** Whether it is in the crew's list of those with nothing to do. */
  isListed = false
  /** Held by somebody who sends it requests by himself. */
  isLeased = false
  /** Being asked whether it is well. */
  isChecked = false
  /** Asked to exit as soon as it has answered all that it has. */
  isRetired = false
  failure: WorkerError | null = null
  /** Why it takes nothing more, where it was not asked to exit. */
  refusal: unknown = null
  /** Whether there was no room for it: no descriptors, processes or memory. */
  wasNoRoom = false
  readonly process: WorkerProcess
  readonly requests: WorkerRequests
  readonly #options: CheckedPoolOptions
  readonly #probationMs: number
  readonly #host: WorkerHost
  #state: 'starting' | 'ready' | 'leaving' | 'failed' | 'gone' = 'starting'
  #wasReady = false
  /** Ended by the pool, for what it did with a request. */
  #wasEnded = false
  #startTimer: NodeJS.Timeout | null = null

  constructor(number: number, scope: string, options: CheckedPoolOptions, terms: StartTerms, host: WorkerHost) {
    this.number = number
    this.#options = options
    this.#probationMs = terms.probationMs
    this.#host = host
    this.process = new WorkerProcess(scope, options, terms.permit, this)
    this.requests = new WorkerRequests(options, this.process, this)
    if (this.requests.saysReady && options.startTimeoutMs > 0) {
      const what = `was not ready ${options.startTimeoutMs} ms after its start`
      const tooLate = () => this.fail({ code: 'ERR_DROVER_WORKER_START', what })
      this.#startTimer = setTimeout(tooLate, options.startTimeoutMs)
      this.#startTimer.unref()
    }
  }

  get pid(): number | null {
    return this.process.pid
  }

  get isStarting(): boolean {
    return this.#state === 'starting'
  }

  get hasEnded(): boolean {
    return this.#state !== 'starting' && this.#state !== 'ready'
  }

  get isReady(): boolean {
    return this.#state === 'ready'
  }

  /** Whether it has nothing to do and nobody holds it. */
  get isIdle(): boolean {
    return this.#state === 'ready' && this.requests.inFlight === 0 && !this.isLeased && !this.isChecked
  }

  /** Whether somebody waits for it. */
  get isBusy(): boolean {
    return this.isLeased || (this.requests.inFlight > 0 && !this.isChecked)
  }

  /** Whether it takes one request more, beside those that it has. */
  get hasRoom(): boolean {
    if (this.#state !== 'ready' || this.isRetired || this.isChecked) return false
    return this.requests.hasRoom && !this.process.hasExited && !this.process.isDeaf
  }

  /**
   * Whether its end tells of a start that failed: for certain, when it had been sent nothing, or had not said that it is ready;
   * perhaps, when it died with a request in a pool that has never had an answer.
   */
  failedStart(poolIsProven: boolean): 'certain' | 'perhaps' | null {
    const { sent, hasAnswered, saysReady } = this.requests
    if (this.failure === null || this.#wasEnded || hasAnswered) return null
    if (this.#wasReady && performance.now() - this.readyMs > LONG_LIFE_MS) return null
    if (sent === 0 || (saysReady && !this.#wasReady)) return 'certain'
    return saysReady || poolIsProven ? null : 'perhaps'
  }

  /** Asks it to exit, and ends it when it does not in time. It must have nothing to do. */
  leave(): void {
    if (this.hasEnded) return
    this.#end('leaving')
    this.requests.exit()
    this.process.letExit()
  }

  /** Ends it, and all that it started. What it has is rejected. */
  destroy(error: unknown, graceMs: number): void {
    this.refusal ??= error
    this.#rejectAll(error)
    if (!this.hasEnded) this.#end('failed')
    this.process.end(graceMs)
  }

  /** It is of no use any more: what it has is rejected or sent elsewhere, and it is ended. */
  fail(cause: Cause): void {
    if (this.failure !== null || this.#state === 'gone') return
    this.#wasEnded = this.requests.sent > 0 && !this.process.hasExited
    this.failure = workerErrorOf(cause, this.#options.program, this.process)
    this.refusal ??= this.failure
    this.#rejectAll(this.failure)
    if (!this.hasEnded) this.#end('failed')
    if (!this.process.hasExited) this.process.end(this.#options.killGraceMs)
  }

  onSpawned(): void {
    if (this.requests.saysReady || this.hasEnded) return
    if (this.#probationMs === 0) this.onReady()
    else this.#startTimer = setTimeout(() => this.onReady(), this.#probationMs)
  }

  onOutput(stream: OutputStream, chunk: Buffer): void {
    if (stream === 'stderr') this.requests.readErrors(chunk)
    else if (this.failure === null) this.requests.read(chunk)
  }

  onDrain(): void {
    this.requests.drained()
    if (!this.hasEnded) this.#host.onRoom(this)
  }

  onExcess({ code, message }: ResultError): void {
    this.fail(causeOfExcess(code, message))
  }

  onDeaf(what: string): void {
    this.fail({ code: 'ERR_DROVER_WORKER_DIED', what })
  }

  onEnded(end: ProcessEnd): void {
    this.requests.settleAnswers()
    this.wasNoRoom = end.how === 'not-started' && isShortageCode(end.error.code)
    const isOwing = this.requests.inFlight > 0
    if (isOwing || !this.hasEnded) this.fail(causeOfEnd(end, this.isStarting, isOwing))
  }

  onGone(): void {
    this.#state = 'gone'
    this.#host.onGone(this)
  }

  onReady(): void {
    if (this.#state !== 'starting') return
    this.#state = 'ready'
    this.#wasReady = true
    if (this.#startTimer !== null) clearTimeout(this.#startTimer)
    this.requests.begin()
    this.readyMs = this.requests.sinceMs
    this.#host.onRoom(this)
  }

  onCannotStart(error: RemoteError): void {
    this.fail(cannotStart(error))
  }

  onRoom(): void {
    this.#host.onRoom(this)
  }

  onFree(): void {
    if (!this.isLeased) this.process.hold(false)
  }

  onPrinted(stream: OutputStream, chunk: Buffer): void {
    this.#host.onPrinted(this, stream, chunk)
  }

  #rejectAll(error: unknown): void {
    this.requests.drop((exchange) => {
      if (!(error === this.failure && this.#host.sendAgain(exchange))) exchange.reject(error)
    })
  }

  #end(state: 'leaving' | 'failed'): void {
    this.#state = state
    if (this.#startTimer !== null) clearTimeout(this.#startTimer)
    this.requests.end()
    this.#host.onEnded(this)
  }
}
