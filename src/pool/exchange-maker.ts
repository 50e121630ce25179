import { traceRequest, traceSettled } from '../observe/traced-request.js'
import { onAbort } from '../process/on-abort.js'
import { checkCount, checkDuration, checkSignal } from '../process/process-options.js'
import type { Answer, RequestOptions } from './answer.js'
import { checkOnOutput, checkPriority } from './check-request.js'
import { encodeRequest } from './conversations.js'
import { Exchange } from './exchange.js'
import type { CheckedPoolOptions } from './pool-options.js'
import type { PoolCounts } from './pool-stats.js'

/** A request, and the promise that who asked has of it. */
export interface MadeExchange {
  readonly exchange: Exchange
  readonly answer: Promise<Answer<never, never>>
}

/** Makes requests of what callers ask for: checked, encoded, counted and traced. */
export class ExchangeMaker {
  readonly #options: CheckedPoolOptions
  readonly #counts: PoolCounts
  #order = 0

  constructor(options: CheckedPoolOptions, counts: PoolCounts) {
    this.#options = options
    this.#counts = counts
  }

  /** The place of the next that waits, among those of its priority. */
  nextOrder(): number {
    this.#order += 1
    return this.#order
  }

  /**
   * @param leased - whether it goes to a worker that somebody holds.
   *
   * @throws what is wrong with the options or the value; the signal's reason.
   */
  make(data: unknown, options: RequestOptions, leased: boolean): MadeExchange {
    const { signal } = options
    checkSignal(signal)
    if (signal?.aborted === true) {
      this.#counts.rejected += 1
      throw signal.reason
    }
    const timeoutMs =
      options.timeoutMs === undefined ? this.#options.timeoutMs : checkDuration('timeoutMs', options.timeoutMs)
    const retries = options.retries === undefined ? this.#options.retries : checkCount('retries', options.retries)
    const terms = {
      value: encodeRequest(this.#options, data),
      priority: checkPriority(options.priority),
      order: this.nextOrder(),
      timeoutMs,
      retries,
    }
    const onOutput = checkOnOutput(options.onOutput)
    const message = traceRequest(this.#options.program, terms.priority, leased)
    let exchange!: Exchange
    const answer = new Promise<Answer<never, never>>((resolve, reject) => {
      exchange = new Exchange(
        terms,
        this.#options,
        (given) => {
          this.#counts.noteAnswer(given.queuedMs, given.durationMs)
          traceSettled(message, exchange, given)
          resolve(given)
        },
        (error) => {
          this.#counts.rejected += 1
          traceSettled(message, exchange, { error })
          reject(error)
        },
      )
    })
    exchange.onOutput = onOutput
    if (signal !== undefined) exchange.release = onAbort(signal, () => exchange.reject(signal.reason))
    return { exchange, answer }
  }
}
