import { isShortageCode } from '../dispatch/shortage.js'
import type { OutputStream } from '../launcher/port.js'
import type { SlotPermit } from '../slots/slot-source.js'
import { DroverError } from '../task/errors.js'
import type { ResultError } from '../task/result.js'
import { BusyPoll } from './busy-poll.js'
import { type Conversation, ConversationError } from './conversation.js'
import { makeConversation } from './conversations.js'
import type { Exchange } from './exchange.js'
import { Flights, type Outcome } from './flights.js'
import type { WorkerError } from './pool-errors.js'
import type { CheckedPoolOptions } from './pool-options.js'
import { type Cause, cannotStart, causeOfEnd, causeOfExcess, timeoutErrorOf, workerErrorOf } from './worker-failures.js'
import { type ProcessEnd, WorkerProcess, type WorkerProcessEvents } from './worker-process.js'

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
/** How long a worker may pause in the middle of a message that nobody asked for. */
const LONGEST_PAUSE_MS = 1000

/**
 * One worker:
 *
 *   starting ──► ready ──► leaving: asked to exit ─────────────► gone
 *       └──────────┴─────► failed: it died, or is being ended ──► gone
 *
 * What a worker that fails was sent is rejected, or goes to another where it may.
 */
export class PoolWorker implements WorkerProcessEvents {
  readonly number: number
  readonly startedMs = performance.now()
  readyMs = this.startedMs
  /** Since when it has had something to do, or nothing. */
  sinceMs = this.startedMs
  /** When it was last asked whether it is well. */
  checkedMs = this.startedMs
  busyMs = 0
  answered = 0
  sent = 0
  /** Whether it is in the crew's list of those with nothing to do. */
  isListed = false
  /** Held by somebody who sends it requests by himself. */
  isLeased = false
  /** Being asked whether it is well. */
  isChecked = false
  /** Asked to exit as soon as it has answered all that it has. */
  isRetired = false
  failure: WorkerError | null = null
  /** Whether there was no room for it: no descriptors, processes or memory. */
  wasNoRoom = false
  readonly process: WorkerProcess
  readonly #options: CheckedPoolOptions
  readonly #probationMs: number
  readonly #host: WorkerHost
  readonly #conversation: Conversation
  readonly #flights: Flights
  readonly #poll: BusyPoll
  #state: 'starting' | 'ready' | 'leaving' | 'failed' | 'gone' = 'starting'
  #wasReady = false
  /** Ended by the pool, for what it did with a request. */
  #wasEnded = false
  #isFull = false
  #isFlushing = false
  #startTimer: NodeJS.Timeout | null = null
  #insideTimer: NodeJS.Timeout | null = null
  /** Called at a sign of life. */
  onPong: (() => void) | null = null

  constructor(number: number, scope: string, options: CheckedPoolOptions, terms: StartTerms, host: WorkerHost) {
    this.number = number
    this.#options = options
    this.#probationMs = terms.probationMs
    this.#host = host
    this.#poll = new BusyPoll(options.busyPollMs)
    this.#conversation = makeConversation(options, {
      onReady: () => this.#becomeReady(),
      onAnswer: (id, value) => this.#take(id, { value }),
      onFailure: (id, error) => this.#take(id, { error }),
      onPrinted: (id, stream, chunk) => {
        if (stream === 'stderr') this.process.keepTail(stream, chunk)
        this.#print(this.#flights.get(id), stream, chunk)
      },
      onPong: () => this.onPong?.(),
      onCannotStart: (error) => this.fail(cannotStart(error)),
    })
    this.#flights = new Flights(options.killGraceMs, {
      onGivenUp: (id) => this.#onGivenUp(id),
      onOverdue: () => this.#onOverdue(),
      onOutcome: (exchange, outcome) => {
        if ('error' in outcome) exchange.failedInHandler(outcome.error, this.pid ?? 0)
        else exchange.answer(outcome.value, this.pid ?? 0)
      },
      onClosed: () => this.#onClosed(),
    })
    this.process = new WorkerProcess(scope, options, terms.permit, this)
    this.#flush()
    if (this.#conversation.saysReady && options.startTimeoutMs > 0) {
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

  get inFlight(): number {
    return this.#flights.size
  }

  /** Whether it has nothing to do and nobody holds it. */
  get isIdle(): boolean {
    return this.#state === 'ready' && this.inFlight === 0 && !this.isLeased && !this.isChecked
  }

  /** Whether somebody waits for it. */
  get isBusy(): boolean {
    return this.isLeased || (this.inFlight > 0 && !this.isChecked)
  }

  /** Whether it takes one request more, beside those that it has. */
  get hasRoom(): boolean {
    if (this.#state !== 'ready' || this.isRetired || this.isChecked || this.#isFull || !this.#isSound) return false
    const { maxRequests, pipeline } = this.#options
    return this.inFlight < pipeline && (maxRequests === 0 || this.sent < maxRequests)
  }

  /** Whether it is there, can be talked to, and is not in the middle of a message that nobody asked for. */
  get #isSound(): boolean {
    return !this.process.hasExited && !this.process.isDeaf && (this.inFlight > 0 || !this.#conversation.isInside)
  }

  /** How many of its requests somebody still waits for. */
  get waitedFor(): number {
    return this.#flights.waitedFor
  }

  get canPing(): boolean {
    return this.#conversation.canPing
  }

  /**
   * Whether its end tells of a start that failed: for certain, when it had been sent nothing, or had not said that it is ready;
   * perhaps, when it died with a request in a pool that has never had an answer.
   */
  failedStart(poolIsProven: boolean): 'certain' | 'perhaps' | null {
    if (this.failure === null || this.#wasEnded || this.answered > 0) return null
    if (this.#wasReady && performance.now() - this.readyMs > LONG_LIFE_MS) return null
    if (this.sent === 0 || (this.#conversation.saysReady && !this.#wasReady)) return 'certain'
    return this.#conversation.saysReady || poolIsProven ? null : 'perhaps'
  }

  /** Sends a request; there must be room. */
  send(exchange: Exchange): void {
    let id: number
    try {
      id = this.#conversation.request(exchange.value)
    } catch (error) {
      // A worker without clones got what JSON cannot carry.
      const message = `the request cannot be sent to this worker: ${(error as Error).message}`
      exchange.reject(new DroverError('ERR_DROVER_VALUE', message, { cause: error }))
      return
    }
    const now = performance.now()
    if (this.inFlight === 0) this.sinceMs = now
    exchange.sentMs = now
    this.sent += 1
    this.#flights.add(id, exchange, () => timeoutErrorOf(exchange.timeoutMs, this.#options.program, this.pid))
    this.process.hold(true)
    this.#scheduleFlush()
    this.#poll.expect()
  }

  /** Asks for a sign of life, where the protocol has a message for that. */
  ping(): void {
    this.#conversation.ping()
    this.#flush()
  }

  /** Asks it to exit, and ends it when it does not in time. It must have nothing to do. */
  leave(): void {
    if (this.hasEnded) return
    this.#end('leaving')
    this.#conversation.exit()
    this.#flush()
    this.process.letExit()
  }

  /** Ends it, and all that it started. What it has is rejected. */
  destroy(error: unknown, graceMs: number): void {
    this.#rejectAll(error)
    if (!this.hasEnded) this.#end('failed')
    this.process.end(graceMs)
  }

  /** It is of no use any more: what it has is rejected or sent elsewhere, and it is ended. */
  fail(cause: Cause): void {
    if (this.failure !== null || this.#state === 'gone') return
    this.#wasEnded = this.sent > 0 && !this.process.hasExited
    this.failure = workerErrorOf(cause, this.#options.program, this.process)
    this.#rejectAll(this.failure)
    if (!this.hasEnded) this.#end('failed')
    if (!this.process.hasExited) this.process.end(this.#options.killGraceMs)
  }

  onSpawned(): void {
    if (this.#conversation.saysReady || this.hasEnded) return
    if (this.#probationMs === 0) this.#becomeReady()
    else this.#startTimer = setTimeout(() => this.#becomeReady(), this.#probationMs)
  }

  onOutput(stream: OutputStream, chunk: Buffer): void {
    if (stream === 'stderr') {
      this.#print(this.#flights.only, stream, chunk)
    } else if (this.failure === null) {
      this.#read(chunk)
    }
  }

  onDrain(): void {
    this.#isFull = false
    if (!this.hasEnded) this.#host.onRoom(this)
  }

  onExcess({ code, message }: ResultError): void {
    this.fail(causeOfExcess(code, message))
  }

  onDeaf(what: string): void {
    this.fail({ code: 'ERR_DROVER_WORKER_DIED', what })
  }

  onEnded(end: ProcessEnd): void {
    this.#flights.settleAnswers()
    this.wasNoRoom = end.how === 'not-started' && isShortageCode(end.error.code)
    const isOwing = this.inFlight > 0
    if (isOwing || !this.hasEnded) this.fail(causeOfEnd(end, this.isStarting, isOwing))
  }

  onGone(): void {
    this.#state = 'gone'
    this.#host.onGone(this)
  }

  #read(chunk: Buffer): void {
    try {
      this.#conversation.read(chunk)
    } catch (error) {
      const { message } = error as Error
      const known = error instanceof ConversationError
      const said = known ? { what: message, output: error.output } : { what: `wrote what cannot be read: ${message}` }
      return this.fail({ code: 'ERR_DROVER_WORKER_PROTOCOL', ...said })
    }
    if (this.#state !== 'ready') return
    if (this.#insideTimer !== null || this.inFlight === 0) this.#limitMessage()
    if (this.#options.pipeline > 1 || this.inFlight === 0) this.#host.onRoom(this)
  }

  /** What would come behind half a message would be taken for the rest of it. */
  #limitMessage(): void {
    if (this.#insideTimer !== null) clearTimeout(this.#insideTimer)
    this.#insideTimer = null
    if (this.inFlight > 0 || !this.#conversation.isInside || this.hasEnded) return
    const what = 'began a message that nobody asked for, and did not end it'
    const end = () => this.fail({ code: 'ERR_DROVER_WORKER_PROTOCOL', what })
    this.#insideTimer = setTimeout(end, LONGEST_PAUSE_MS)
  }

  #print(exchange: Exchange | undefined, stream: OutputStream, chunk: Buffer): void {
    if (exchange !== undefined) return exchange.print(stream, chunk)
    if (stream === 'stdout') this.process.keepTail('stdout', chunk)
    this.#host.onPrinted(this, stream, chunk)
  }

  #becomeReady(): void {
    if (this.#state !== 'starting') return
    this.#state = 'ready'
    this.#wasReady = true
    this.#flights.atOnce = this.#conversation.atOnce
    if (this.#startTimer !== null) clearTimeout(this.#startTimer)
    this.readyMs = performance.now()
    this.sinceMs = this.readyMs
    this.#host.onRoom(this)
  }

  /** An answer: given at once; or, with one request at a time, when what was printed before it has been read. */
  #take(id: number, outcome: Outcome): void {
    if (this.#flights.get(id) === undefined) return
    this.answered += 1
    this.#flights.noteAnswer(id, outcome)
    if (this.#options.pipeline > 1) return this.#flights.settleAnswer(id)
    // By then all that it printed before the answer has been read.
    if (this.#conversation.isFirst) setImmediate(this.#settle)
    else setImmediate(() => setImmediate(this.#settle))
  }

  readonly #settle = (): void => {
    this.#flights.settleAnswers()
    if (!this.hasEnded) this.#host.onRoom(this)
  }

  #onClosed(): void {
    if (this.#flights.size > 0) return
    this.#poll.came()
    this.#limitMessage()
    const now = performance.now()
    this.busyMs += now - this.sinceMs
    this.sinceMs = now
    if (!this.isLeased) this.process.hold(false)
  }

  /** Where the worker can be told, it has some time to answer; else it is ended, unless it has others to answer. */
  #onGivenUp(id: number): boolean {
    if (this.hasEnded) return false
    if (this.#conversation.canCancel) {
      this.#conversation.cancel(id)
      this.#scheduleFlush()
      return true
    }
    if (this.#flights.size > 1) return true
    this.#onOverdue()
    return false
  }

  #onOverdue(): void {
    this.fail({ code: 'ERR_DROVER_WORKER_DIED', what: 'was ended because a request that it had was given up' })
  }

  #rejectAll(error: unknown): void {
    this.#flights.drop((exchange) => {
      if (!(error === this.failure && this.#host.sendAgain(exchange))) exchange.reject(error)
    })
  }

  #scheduleFlush(): void {
    if (this.#options.pipeline === 1) return this.#flush()
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#isFlushing = false
    if (!this.process.write(this.#conversation.take())) this.#isFull = true
  }

  #end(state: 'leaving' | 'failed'): void {
    this.#state = state
    if (this.#startTimer !== null) clearTimeout(this.#startTimer)
    if (this.#insideTimer !== null) clearTimeout(this.#insideTimer)
    this.#host.onEnded(this)
  }
}
