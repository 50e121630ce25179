import type { OutputStream } from '../launcher/port.js'
import { OutputCapture } from '../process/output-capture.js'
import type { Answer, RequestOptions } from './answer.js'
import type { RemoteError } from './conversation.js'
import { HandlerError } from './pool-errors.js'
import type { CheckedPoolOptions } from './pool-options.js'
import type { PoolWorker } from './pool-worker.js'
import type { Waiting } from './waiting-line.js'
import type { EncodedValue } from './wire/values.js'

export interface ExchangeTerms {
  readonly value: EncodedValue
  readonly priority: number
  readonly order: number
  readonly timeoutMs: number
  readonly retries: number
}

type Settled = (answer: Answer<never, never>) => void

/**
 * One request on its way:
 *
 *   waiting ──► sent ──► answered or failed: settled
 *      ▲          │
 *      └──────────┘ the worker died, and it may be sent again
 *
 * It can be given up at any time: then it is settled, but a worker that has it still owes the answer.
 */
export class Exchange implements Waiting {
  readonly needsWholeWorker = false
  readonly value: EncodedValue
  readonly priority: number
  readonly order: number
  readonly timeoutMs: number
  retries: number
  isSettled = false
  /** Told when it is settled, however. */
  onSettled: ((waiting: Waiting) => void) | null = null
  /** Gets each piece of output. */
  onOutput: RequestOptions['onOutput'] | null = null
  /** Takes back what was set up to give it up. */
  release: (() => void) | null = null
  readonly createdMs = performance.now()
  sentMs = 0
  readonly #resolve: Settled
  readonly #reject: (error: unknown) => void
  readonly #options: CheckedPoolOptions
  #stdout: OutputCapture | null = null
  #stderr: OutputCapture | null = null
  #onlookers: Set<() => void> | null = null

  constructor(terms: ExchangeTerms, options: CheckedPoolOptions, resolve: Settled, reject: (error: unknown) => void) {
    this.value = terms.value
    this.priority = terms.priority
    this.order = terms.order
    this.timeoutMs = terms.timeoutMs
    this.retries = terms.retries
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
  }

  get hasPrinted(): boolean {
    return this.#stdout !== null || this.#stderr !== null
  }

  assign(worker: PoolWorker): void {
    worker.requests.send(this)
  }

  /** Tells once, when its worker has printed something or it is settled. @returns takes it back. */
  watch(tell: () => void): () => void {
    this.#onlookers ??= new Set()
    this.#onlookers.add(tell)
    return () => this.#onlookers?.delete(tell)
  }

  printed(stream: OutputStream): string | Buffer {
    const capture = stream === 'stdout' ? this.#stdout : this.#stderr
    const asText = this.#options.encoding === 'utf8'
    if (capture === null) return asText ? '' : Buffer.alloc(0)
    return asText ? capture.text().text : capture.bytes()
  }

  print(stream: OutputStream, chunk: Buffer): void {
    if (this.isSettled) return
    const limit = this.#options.maxOutputBytes
    if (stream === 'stdout') this.#stdout ??= new OutputCapture(limit)
    else this.#stderr ??= new OutputCapture(limit)
    const capture = stream === 'stdout' ? this.#stdout : this.#stderr
    capture!.append(chunk)
    this.#tellOnlookers()
    this.#tellOutput(stream, chunk)
  }

  /** Forgets what a worker printed that died under it. */
  startOver(): void {
    this.retries -= 1
    this.#stdout = null
    this.#stderr = null
  }

  answer(value: unknown, pid: number): void {
    if (!this.#settle()) return
    const answer: Answer<unknown, string | Buffer> = {
      value,
      stdout: this.printed('stdout'),
      stderr: this.printed('stderr'),
      stdoutBytes: this.#stdout?.total ?? 0,
      stderrBytes: this.#stderr?.total ?? 0,
      truncated: this.#isTruncated,
      pid,
      queuedMs: this.sentMs - this.createdMs,
      durationMs: performance.now() - this.sentMs,
    }
    this.#resolve(answer as Answer<never, never>)
  }

  failedInHandler(remote: RemoteError, pid: number): void {
    if (this.isSettled) return
    this.reject(
      new HandlerError(remote, {
        stdout: this.printed('stdout'),
        stderr: this.printed('stderr'),
        stdoutBytes: this.#stdout?.total ?? 0,
        stderrBytes: this.#stderr?.total ?? 0,
        truncated: this.#isTruncated,
        pid,
      }),
    )
  }

  get #isTruncated(): boolean {
    return this.#stdout?.truncated === true || this.#stderr?.truncated === true
  }

  reject(error: unknown): void {
    if (this.#settle()) this.#reject(error)
  }

  #tellOutput(stream: OutputStream, chunk: Buffer): void {
    try {
      this.onOutput?.(stream, Buffer.from(chunk))
    } catch (error) {
      this.reject(error)
    }
  }

  #settle(): boolean {
    if (this.isSettled) return false
    this.isSettled = true
    this.release?.()
    this.release = null
    this.onSettled?.(this)
    this.#tellOnlookers()
    return true
  }

  #tellOnlookers(): void {
    const onlookers = this.#onlookers
    this.#onlookers = null
    for (const tell of onlookers ?? []) tell()
  }
}
