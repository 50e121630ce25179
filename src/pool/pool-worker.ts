import type { OutputStream } from '../launcher/port.js'
import { DroverError } from '../task/errors.js'
import { describeCommand } from '../task/task.js'
import { type Conversation, ConversationError, type RemoteError } from './conversation.js'
import { makeConversation } from './conversations.js'
import type { Exchange } from './exchange.js'
import { tellingLine } from './output-tail.js'
import { RequestTimeoutError, WorkerError } from './pool-errors.js'
import type { CheckedPoolOptions } from './pool-options.js'
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

interface Flight {
  readonly exchange: Exchange
  /** Its timeout; or, when it was given up, how long the worker has for the answer that it still owes. */
  timer: NodeJS.Timeout | null
  /** Gives the answer that has come, when all that was printed before it has been read. */
  settle: (() => void) | null
}

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
  readonly process: WorkerProcess
  readonly #options: CheckedPoolOptions
  readonly #probationMs: number
  readonly #host: WorkerHost
  readonly #conversation: Conversation
  readonly #inFlight = new Map<number, Flight>()
  #state: 'starting' | 'ready' | 'leaving' | 'failed' | 'gone' = 'starting'
  #wasReady = false
  /** Ended by the pool, for what it did with a request. */
  #wasEnded = false
  #isFull = false
  #isFlushing = false
  #startTimer: NodeJS.Timeout | null = null
  /** Called at a sign of life. */
  onPong: (() => void) | null = null

  /** @param probationMs - how long it has to live before it gets a request, where it does not say that it is ready. */
  constructor(number: number, scope: string, options: CheckedPoolOptions, probationMs: number, host: WorkerHost) {
    this.number = number
    this.#options = options
    this.#probationMs = probationMs
    this.#host = host
    this.#conversation = makeConversation(options, {
      onReady: () => this.#becomeReady(),
      onAnswer: (id, value) => this.#take(id, (exchange) => exchange.answer(value, this.pid ?? 0)),
      onFailure: (id, error) => this.#take(id, (exchange) => exchange.failedInHandler(error)),
      onPrinted: (id, stream, chunk) => {
        if (stream === 'stderr') this.process.keepTail('stderr', chunk)
        this.#print(this.#inFlight.get(id)?.exchange, stream, chunk)
      },
      onPong: () => this.onPong?.(),
      onCannotStart: (error) => this.fail('ERR_DROVER_WORKER_START', cannotStart(error)),
    })
    this.process = new WorkerProcess(scope, options, this)
    this.#flush()
    if (this.#conversation.saysReady && options.startTimeoutMs > 0) {
      const message = `was not ready ${options.startTimeoutMs} ms after its start`
      this.#startTimer = setTimeout(() => this.fail('ERR_DROVER_WORKER_START', message), options.startTimeoutMs)
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
    return this.#inFlight.size
  }

  /** Whether it has nothing to do and nobody holds it. */
  get isIdle(): boolean {
    return this.#state === 'ready' && this.#inFlight.size === 0 && !this.isLeased && !this.isChecked
  }

  /** Whether it takes one request more, beside those that it has. */
  get hasRoom(): boolean {
    if (this.#state !== 'ready' || this.isRetired || this.isChecked || this.#isFull || this.process.hasExited)
      return false
    const { maxRequests, pipeline } = this.#options
    return this.#inFlight.size < pipeline && (maxRequests === 0 || this.sent < maxRequests)
  }

  /** How many of its requests somebody still waits for. */
  get waitedFor(): number {
    let count = 0
    for (const { exchange } of this.#inFlight.values()) if (!exchange.isSettled) count += 1
    return count
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
    if (this.#inFlight.size === 0) this.sinceMs = now
    exchange.sentMs = now
    this.sent += 1
    const flight: Flight = { exchange, timer: null, settle: null }
    this.#inFlight.set(id, flight)
    exchange.onSettled = () => this.#giveUp(id, flight)
    const { timeoutMs } = exchange
    if (timeoutMs > 0) flight.timer = setTimeout(() => exchange.reject(this.#timeoutError(timeoutMs)), timeoutMs)
    this.process.hold(true)
    this.#scheduleFlush()
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
  fail(code: string, what: string, output = ''): void {
    if (this.failure !== null || this.#state === 'gone') return
    this.#wasEnded = this.sent > 0 && !this.process.hasExited
    this.failure = this.#error(code, what, output)
    this.#rejectAll(this.failure)
    if (!this.hasEnded) this.#end('failed')
    if (!this.process.hasExited) this.process.end(this.#options.killGraceMs)
  }

  onSpawned(): void {
    if (this.#conversation.saysReady) return
    if (this.#probationMs === 0) this.#becomeReady()
    else this.#startTimer = setTimeout(() => this.#becomeReady(), this.#probationMs)
  }

  onOutput(stream: OutputStream, chunk: Buffer): void {
    if (stream === 'stderr') {
      const [only] = this.#inFlight.size === 1 ? this.#inFlight.values() : []
      this.#print(only?.exchange, stream, chunk)
    } else if (this.failure === null) {
      this.#read(chunk)
    }
  }

  onDrain(): void {
    this.#isFull = false
    if (!this.hasEnded) this.#host.onRoom(this)
  }

  onEnded(end: ProcessEnd): void {
    this.#settleAnswers()
    if (this.#inFlight.size > 0 || !this.hasEnded) this.fail(...this.#causeOf(end))
  }

  onGone(): void {
    this.#state = 'gone'
    this.#host.onGone(this)
  }

  #causeOf(end: ProcessEnd): [code: string, what: string] {
    if (end.how === 'lost') return ['ERR_DROVER_WORKER_LOST', `is lost: ${end.error.message}`]
    if (end.how === 'not-started') return ['ERR_DROVER_WORKER_START', `could not be started: ${end.error.message}`]
    const { exitCode, signal } = end.exit
    const how = signal === null ? `with exit code ${exitCode}` : `by ${signal}`
    if (this.#state === 'starting') return ['ERR_DROVER_WORKER_START', `ended ${how} before it was ready`]
    return [
      'ERR_DROVER_WORKER_DIED',
      `ended ${how} ${this.#inFlight.size > 0 ? 'before it had answered' : 'without being asked to'}`,
    ]
  }

  #read(chunk: Buffer): void {
    try {
      this.#conversation.read(chunk)
    } catch (error) {
      if (!(error instanceof ConversationError)) throw error
      this.fail('ERR_DROVER_WORKER_PROTOCOL', error.message, error.output)
      return
    }
    if (this.#options.pipeline > 1 && this.#state === 'ready') this.#host.onRoom(this)
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
    if (this.#startTimer !== null) clearTimeout(this.#startTimer)
    this.readyMs = performance.now()
    this.sinceMs = this.readyMs
    this.#host.onRoom(this)
  }

  /** An answer: given at once; or, with one request at a time, when what was printed before it has been read. */
  #take(id: number, settle: (exchange: Exchange) => void): void {
    const flight = this.#inFlight.get(id)
    if (flight === undefined) return
    this.answered += 1
    flight.settle = () => {
      this.#close(id, flight)
      settle(flight.exchange)
    }
    if (this.#options.pipeline > 1) return flight.settle()
    setImmediate(() => {
      this.#settleAnswers()
      if (!this.hasEnded) this.#host.onRoom(this)
    })
  }

  #settleAnswers(): void {
    for (const { settle } of [...this.#inFlight.values()]) settle?.()
  }

  /** The request is off the worker's hands. */
  #close(id: number, { exchange, timer }: Flight): void {
    if (!this.#inFlight.delete(id)) return
    exchange.onSettled = null
    if (timer !== null) clearTimeout(timer)
    if (this.#inFlight.size > 0) return
    const now = performance.now()
    this.busyMs += now - this.sinceMs
    this.sinceMs = now
    if (!this.isLeased) this.process.hold(false)
  }

  /** Nobody waits for the answer any more. Where the worker can be told, it has some time to answer; else it is ended. */
  #giveUp(id: number, flight: Flight): void {
    if (flight.timer !== null) clearTimeout(flight.timer)
    if (this.hasEnded || flight.settle !== null) return
    const end = () => this.fail('ERR_DROVER_WORKER_DIED', 'was ended because a request that it had was given up')
    if (!this.#conversation.canCancel) return end()
    this.#conversation.cancel(id)
    this.#scheduleFlush()
    flight.timer = setTimeout(end, this.#options.killGraceMs)
  }

  #rejectAll(error: unknown): void {
    for (const [id, flight] of [...this.#inFlight]) {
      if (flight.settle !== null) continue
      this.#close(id, flight)
      const { exchange } = flight
      if (!(error === this.failure && this.#host.sendAgain(exchange))) exchange.reject(error)
    }
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
    this.#host.onEnded(this)
  }

  #timeoutError(timeoutMs: number): RequestTimeoutError {
    return new RequestTimeoutError(
      timeoutMs,
      `worker ${this.pid} (${describeCommand(this.#options.task)}) did not answer`,
    )
  }

  #error(code: string, what: string, output: string): WorkerError {
    const { pid } = this
    const { exitCode = null, signal = null } = this.process.exit ?? {}
    const stderr = this.process.tail('stderr')
    const said = tellingLine(output === '' ? stderr : output)
    const who = `worker ${pid === null ? '' : `${pid} `}(${describeCommand(this.#options.task)})`
    return new WorkerError(code, `${who} ${what}${said === '' ? '' : `; it printed: ${said}`}`, {
      pid,
      exitCode,
      signal,
      stderr,
      output,
    })
  }
}

function cannotStart({ name, message }: RemoteError): string {
  return `could not get ready: ${name}: ${message}`
}
