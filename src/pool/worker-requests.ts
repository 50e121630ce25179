import type { OutputStream } from '../launcher/port.js'
import { DroverError } from '../task/errors.js'
import { BusyPoll } from './busy-poll.js'
import { type Conversation, ConversationError, type RemoteError } from './conversation.js'
import { makeConversation } from './conversations.js'
import type { Exchange } from './exchange.js'
import { Flights, type Outcome } from './flights.js'
import type { CheckedPoolOptions } from './pool-options.js'
import { type Cause, timeoutErrorOf } from './worker-failures.js'
import type { WorkerProcess } from './worker-process.js'

/** The worker that is talked to. */
export interface RequestsOwner {
  /** Whether it takes requests. */
  readonly isReady: boolean
  /** Whether it takes nothing more, for whatever reason. */
  readonly hasEnded: boolean
  /** It says that it can take requests. */
  onReady(): void
  /** It says that it cannot get ready. */
  onCannotStart(error: RemoteError): void
  /** It may have room for more. */
  onRoom(): void
  /** It has answered all that it had. */
  onFree(): void
  /** Printed outside of any request. */
  onPrinted(stream: OutputStream, chunk: Buffer): void
  /** It is of no use any more. */
  fail(cause: Cause): void
}

/** How long a worker may pause in the middle of a message that nobody asked for. */
const LONGEST_PAUSE_MS = 1000

/**
 * What is talked about with one worker: the requests that it is sent, and what it answers.
 *
 *   send() ──► written, at once or with others ──► in flight ──► answered, given up, or dropped with the worker
 */
export class WorkerRequests {
  /** In all, those included by which it was asked whether it is well. */
  sent = 0
  /** Of those that callers made. */
  answered = 0
  /** Whether it has answered anything. */
  hasAnswered = false
  /** How long it has had something to do in all, but for what it is at. */
  busyMs = 0
  /** Since when it has had something to do, or nothing. */
  sinceMs = performance.now()
  /** Called at a sign of life. */
  onPong: (() => void) | null = null
  readonly #options: CheckedPoolOptions
  readonly #process: WorkerProcess
  readonly #owner: RequestsOwner
  readonly #conversation: Conversation
  readonly #flights: Flights
  readonly #poll: BusyPoll
  /** By how many it was asked whether it is well, and the last of them. */
  #checks = 0
  #check: Exchange | null = null
  #isFull = false
  #isFlushing = false
  #insideTimer: NodeJS.Timeout | null = null

  constructor(options: CheckedPoolOptions, process: WorkerProcess, owner: RequestsOwner) {
    this.#options = options
    this.#process = process
    this.#owner = owner
    this.#poll = new BusyPoll(options.busyPollMs)
    this.#conversation = makeConversation(options, {
      onReady: () => owner.onReady(),
      onAnswer: (id, value) => this.#take(id, { value }),
      onFailure: (id, error) => this.#take(id, { error }),
      onPrinted: (id, stream, chunk) => {
        if (stream === 'stderr') process.keepTail(stream, chunk)
        this.#print(this.#flights.get(id), stream, chunk)
      },
      onPong: () => this.onPong?.(),
      onCannotStart: (error) => owner.onCannotStart(error),
    })
    this.#flights = new Flights(options.killGraceMs, {
      onGivenUp: (id) => this.#onGivenUp(id),
      onOverdue: () => this.#onOverdue(),
      onOutcome: (exchange, outcome) => {
        if ('error' in outcome) exchange.failedInHandler(outcome.error, process.pid ?? 0)
        else exchange.answer(outcome.value, process.pid ?? 0)
      },
      onClosed: () => this.#onClosed(),
    })
    this.#flush()
  }

  /** How many it was sent and has not answered. */
  get inFlight(): number {
    return this.#flights.size
  }

  /** How many of them somebody still waits for. */
  get waitedFor(): number {
    return this.#flights.waitedFor
  }

  /** Whether the worker says when it is ready. */
  get saysReady(): boolean {
    return this.#conversation.saysReady
  }

  get canPing(): boolean {
    return this.#conversation.canPing
  }

  /** Whether one request more can be sent, and the worker is not in the middle of a message that nobody asked for. */
  get hasRoom(): boolean {
    const { inFlight } = this
    if (this.#isFull || inFlight >= this.#options.pipeline || this.isUsedUp) return false
    return inFlight > 0 || !this.#conversation.isInside
  }

  /** Whether it was sent something by a caller. */
  get isUsed(): boolean {
    return this.sent > this.#checks
  }

  /** Whether callers have sent it as many as one may get. */
  get isUsedUp(): boolean {
    const { maxRequests } = this.#options
    return maxRequests > 0 && this.sent - this.#checks >= maxRequests
  }

  /** From now on it is to blame for as many as it says that it handles at once. */
  begin(): void {
    this.#flights.atOnce = this.#conversation.atOnce
    this.sinceMs = performance.now()
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
    this.#flights.add(id, exchange, () => timeoutErrorOf(exchange.timeoutMs, this.#options.program, this.#process.pid))
    this.#process.hold(true)
    this.#scheduleFlush()
    this.#poll.expect()
  }

  /** Sends a request that nobody made but the pool, to see whether it is well. */
  check(exchange: Exchange): void {
    this.#checks += 1
    this.#check = exchange
    this.send(exchange)
  }

  /** Asks for a sign of life, where the protocol has a message for that. */
  ping(): void {
    this.#conversation.ping()
    this.#flush()
  }

  /** Asks it to exit. */
  exit(): void {
    this.#conversation.exit()
    this.#flush()
  }

  /** What came from its standard output. */
  read(chunk: Buffer): void {
    try {
      this.#conversation.read(chunk)
    } catch (error) {
      const { message } = error as Error
      const known = error instanceof ConversationError
      const said = known ? { what: message, output: error.output } : { what: `wrote what cannot be read: ${message}` }
      return this.#owner.fail({ code: 'ERR_DROVER_WORKER_PROTOCOL', ...said })
    }
    if (!this.#owner.isReady) return
    if (this.#insideTimer !== null || this.inFlight === 0) this.#limitMessage()
    if (this.#options.pipeline > 1 || this.inFlight === 0) this.#owner.onRoom()
  }

  /** What came from its standard error. */
  readErrors(chunk: Buffer): void {
    this.#print(this.#flights.only, 'stderr', chunk)
  }

  /** What was written has been read. */
  drained(): void {
    this.#isFull = false
  }

  /** Gives the answers that have come. */
  settleAnswers(): void {
    this.#flights.settleAnswers()
  }

  /** Hands back what it has not answered, and never will. */
  drop(onDropped: (exchange: Exchange) => void): void {
    this.#flights.drop(onDropped)
  }

  /** Nothing more is sent to it. */
  end(): void {
    if (this.#insideTimer !== null) clearTimeout(this.#insideTimer)
  }

  /** What would come behind half a message would be taken for the rest of it. */
  #limitMessage(): void {
    if (this.#insideTimer !== null) clearTimeout(this.#insideTimer)
    this.#insideTimer = null
    if (this.inFlight > 0 || !this.#conversation.isInside || this.#owner.hasEnded) return
    const what = 'began a message that nobody asked for, and did not end it'
    const end = () => this.#owner.fail({ code: 'ERR_DROVER_WORKER_PROTOCOL', what })
    this.#insideTimer = setTimeout(end, LONGEST_PAUSE_MS)
  }

  #print(exchange: Exchange | undefined, stream: OutputStream, chunk: Buffer): void {
    if (exchange !== undefined) return exchange.print(stream, chunk)
    if (stream === 'stdout') this.#process.keepTail('stdout', chunk)
    this.#owner.onPrinted(stream, chunk)
  }

  /** An answer: given at once; or, with one request at a time, when what was printed before it has been read. */
  #take(id: number, outcome: Outcome): void {
    const exchange = this.#flights.get(id)
    if (exchange === undefined) return
    this.hasAnswered = true
    if (exchange !== this.#check) this.answered += 1
    this.#flights.noteAnswer(id, outcome)
    if (this.#options.pipeline > 1) return this.#flights.settleAnswer(id)
    // By then all that it printed before the answer has been read.
    if (this.#conversation.isFirst) setImmediate(this.#settle)
    else setImmediate(() => setImmediate(this.#settle))
  }

  readonly #settle = (): void => {
    this.#flights.settleAnswers()
    if (!this.#owner.hasEnded) this.#owner.onRoom()
  }

  #onClosed(): void {
    if (this.#flights.size > 0) return
    this.#poll.came()
    this.#limitMessage()
    const now = performance.now()
    this.busyMs += now - this.sinceMs
    this.sinceMs = now
    this.#owner.onFree()
  }

  /** Where the worker can be told, it has some time to answer; else it is ended, unless it has others to answer. */
  #onGivenUp(id: number): boolean {
    if (this.#owner.hasEnded) return false
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
    const what = 'was ended because a request that it had was given up'
    this.#owner.fail({ code: 'ERR_DROVER_WORKER_DIED', what })
  }

  #scheduleFlush(): void {
    if (this.#options.pipeline === 1) return this.#flush()
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#isFlushing = false
    if (!this.#process.write(this.#conversation.take())) this.#isFull = true
    this.#conversation.onWritten?.(this.#process.isHolding)
  }
}
