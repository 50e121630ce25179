import type { RemoteError } from './conversation.js'
import type { Exchange } from './exchange.js'
import { ShortMap } from './short-map.js'
import type { Waiting } from './waiting-line.js'

/** No part of it is a closure of its own: what those refer to outlives its use by many collections. */
interface Flight {
  readonly id: number
  readonly exchange: Exchange
  /** Its timeout; or, when it was given up, how long the worker has for the answer that it still owes. */
  timer: NodeJS.Timeout | null
  /** The answer that has come, until all that was printed before it has been read. */
  outcome: Outcome | null
}

/** What a worker answered. */
export type Outcome = { readonly value: unknown } | { readonly error: RemoteError }

/** The worker that has the requests. */
export interface FlightsOwner {
  /** Nobody waits for the answer any more. Returns whether the worker has some time to answer all the same. */
  onGivenUp(id: number): boolean
  /** An answer that nobody waits for any more did not come in time. */
  onOverdue(): void
  /** An answer is given. */
  onOutcome(exchange: Exchange, outcome: Outcome): void
  /** One is off the worker's hands. */
  onClosed(): void
}

/**
 * The requests that a worker was sent and has not answered, in the order they were sent:
 *
 *   open ──► its answer has come ──► settled, closed
 *     ├────► given up: settled, and open until it is answered, or overdue
 *     └────► the worker fails: closed
 */
export class Flights {
  readonly #open = new ShortMap<Flight>()
  readonly #graceMs: number
  readonly #owner: FlightsOwner
  /** How many the worker handles at once: these it is at, and is to blame for. */
  atOnce = 1

  /** @param graceMs - how long a worker has for the answer of a request that was given up, from when it is at it. */
  constructor(graceMs: number, owner: FlightsOwner) {
    this.#graceMs = graceMs
    this.#owner = owner
  }

  get size(): number {
    return this.#open.size
  }

  /** How many of them somebody still waits for. */
  get waitedFor(): number {
    let count = 0
    for (const { exchange } of this.#open.values()) if (!exchange.isSettled) count += 1
    return count
  }

  /** The only one there is. */
  get only(): Exchange | undefined {
    return this.size === 1 ? this.#open.at(0)?.exchange : undefined
  }

  get(id: number): Exchange | undefined {
    return this.#open.get(id)?.exchange
  }

  add(id: number, exchange: Exchange, makeTimeoutError: () => unknown): void {
    const flight: Flight = { id, exchange, timer: null, outcome: null }
    this.#open.add(id, flight)
    exchange.onSettled = this.#onSettled
    const { timeoutMs } = exchange
    if (timeoutMs > 0) flight.timer = setTimeout(() => exchange.reject(makeTimeoutError()), timeoutMs)
  }

  /** Its answer has come, and is given by {@link settleAnswers}. */
  noteAnswer(id: number, outcome: Outcome): void {
    const flight = this.#open.get(id)
    if (flight !== undefined) flight.outcome = outcome
  }

  settleAnswer(id: number): void {
    const flight = this.#open.get(id)
    if (flight !== undefined) this.#settle(flight)
  }

  settleAnswers(): void {
    for (const flight of this.#open.values()) this.#settle(flight)
  }

  /** Closes those whose answers have not come. */
  drop(onDropped: (exchange: Exchange) => void): void {
    for (const flight of this.#open.values()) {
      if (flight.outcome !== null) continue
      this.#close(flight)
      onDropped(flight.exchange)
    }
  }

  #settle(flight: Flight): void {
    if (flight.outcome === null) return
    this.#close(flight)
    this.#owner.onOutcome(flight.exchange, flight.outcome)
  }

  #close({ id, exchange, timer }: Flight): void {
    if (!this.#open.delete(id)) return
    exchange.onSettled = null
    if (timer !== null) clearTimeout(timer)
    this.#limitGivenUp()
    this.#owner.onClosed()
  }

  readonly #onSettled = (exchange: Waiting): void => {
    const flight = this.#open.values().find((one) => one.exchange === exchange)
    if (flight === undefined) return
    if (flight.timer !== null) clearTimeout(flight.timer)
    flight.timer = null
    if (flight.outcome === null && this.#owner.onGivenUp(flight.id)) this.#limitGivenUp()
  }

  /** Of those that nobody waits for, the ones that the worker is at are limited; the others wait for no fault of theirs. */
  #limitGivenUp(): void {
    for (let place = 0; place < this.atOnce; place += 1) {
      const flight = this.#open.at(place)
      if (flight === undefined) return
      if (flight.timer !== null || flight.outcome !== null || !flight.exchange.isSettled) continue
      flight.timer = setTimeout(() => this.#owner.onOverdue(), this.#graceMs)
    }
  }
}
