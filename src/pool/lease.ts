import { checkDuration } from '../process/process-options.js'
import { DroverError } from '../task/errors.js'
import type { Answer, RequestOptions } from './answer.js'
import type { Exchange } from './exchange.js'
import type { MadeExchange } from './exchange-maker.js'
import type { PoolWorker } from './pool-worker.js'

/** What a lease needs of its pool. */
export interface LeaseSide {
  /** @throws what cannot be sent. */
  makeExchange(data: unknown, options: LeaseRequestOptions): MadeExchange
  release(worker: PoolWorker): void
}

/** How a request to a leased worker is made. All of it is optional. */
export interface LeaseRequestOptions {
  /** Gives the request up when it is aborted. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds that the worker may take to answer; 0 is no limit. Default: the pool's. */
  readonly timeoutMs?: number | undefined
  /** Called with each piece that the worker prints for this request, as it comes; see {@link RequestOptions.onOutput}. */
  readonly onOutput?: RequestOptions['onOutput']
}

/**
 * A worker for oneself, until it is released: for several requests that belong together, or to see what it prints while it
 * works. `await using lease = await pool.acquire()` releases it at the end of the block.
 */
export class Lease<Value = unknown, Output extends string | Buffer = string> implements AsyncDisposable {
  readonly #worker: PoolWorker
  readonly #side: LeaseSide
  #exchange: Exchange | null = null
  #isReleased = false
  #hasFailed = false

  constructor(worker: PoolWorker, side: LeaseSide) {
    this.#worker = worker
    this.#side = side
  }

  /** Of the worker. */
  get pid(): number | null {
    return this.#worker.pid
  }

  /** Whether the worker is of no use any more; it is replaced when the lease is released. */
  get hasFailed(): boolean {
    return this.#hasFailed || this.#worker.hasEnded
  }

  /** What was printed so far in the exchange that is going on, or else in the last one. */
  get stdout(): Output {
    return this.#printed('stdout')
  }

  /** The same of standard error. */
  get stderr(): Output {
    return this.#printed('stderr')
  }

  /**
   * Sends a request; there is one at a time.
   *
   * @returns its answer. Rejects as {@link ProcessPool.request} does, but that it is never sent to another worker.
   * @throws (as a rejection) DroverError `ERR_DROVER_BUSY` while another is going on, `ERR_DROVER_RELEASED` after {@link release};
   * what cannot be sent.
   */
  async sendRequest<V = Value>(data: unknown, options: LeaseRequestOptions = {}): Promise<Answer<V, Output>> {
    if (this.#isReleased) throw released()
    if (this.#exchange?.isSettled === false) {
      throw new DroverError('ERR_DROVER_BUSY', 'this lease waits for an answer already; there is one request at a time')
    }
    if (this.#worker.hasEnded) throw this.#worker.refusal
    const { exchange, answer } = this.#side.makeExchange(data, options)
    this.#exchange = exchange
    if (!exchange.isSettled) this.#worker.requests.send(exchange)
    return answer
  }

  /**
   * Waits until something was printed in this exchange that had not been printed before the call, or until it is over.
   *
   * @param options - `timeoutMs`: how many milliseconds to wait at the most; 0 is no limit. Default: 0.
   * @returns whether there is something; false when the time was over.
   */
  async waitForOutput({ timeoutMs = 0 }: { readonly timeoutMs?: number } = {}): Promise<boolean> {
    checkDuration('timeoutMs', timeoutMs)
    const exchange = this.#exchange
    if (exchange === null || exchange.isSettled) return exchange !== null
    return new Promise((resolve) => {
      const done = (isThere: boolean) => {
        clearTimeout(timer)
        forget()
        resolve(isThere)
      }
      const timer = timeoutMs > 0 ? setTimeout(() => done(false), timeoutMs) : undefined
      const forget = exchange.watch(() => done(true))
    })
  }

  /** Has the worker replaced when the lease is released. */
  markAsFailed(): void {
    this.#hasFailed = true
  }

  /** Gives the worker back. One that has not answered yet, or was marked as failed, is ended and replaced. */
  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    if (this.#worker.requests.waitedFor > 0)
      this.#worker.fail({ code: 'ERR_DROVER_WORKER_DIED', what: 'was released before it had answered' })
    else if (this.#hasFailed) this.#worker.isRetired = true
    this.#side.release(this.#worker)
  }

  /** {@link release}. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.release()
  }

  #printed(stream: 'stdout' | 'stderr'): Output {
    return (this.#exchange?.printed(stream) ?? '') as Output
  }
}

function released(): DroverError {
  return new DroverError('ERR_DROVER_RELEASED', 'this lease was released; acquire a new one')
}
