import { GATHER_MS } from './gathering.js'

/** Tasks are short as long as they take less than this, on the average of the last ones. */
const SHORT_MS = 100
/** What is shorter counts as this. */
const SHORTEST_MS = 1
/** How much of the average the newest one is. */
const SHARE = 0.1

/**
 * How many tasks are taken ahead of a free slot. While a result is recorded and the next task comes its slot is idle: that matters where
 * tasks take milliseconds, and where they take longer, what is taken ahead would be kept from machines that are free.
 */
export class Prefetch {
  readonly #gathers: boolean
  #averageMs = Number.POSITIVE_INFINITY
  #ahead = 0

  /** @param gathers - whether results are gathered. */
  constructor(gathers: boolean) {
    this.#gathers = gathers
  }

  note(durationMs: number): void {
    this.#averageMs =
      this.#averageMs === Number.POSITIVE_INFINITY ? durationMs : this.#averageMs * (1 - SHARE) + durationMs * SHARE
  }

  /** Whether it is not known that tasks are short. */
  get isStopped(): boolean {
    return this.#averageMs === Number.POSITIVE_INFINITY
  }

  /** Tasks have become longer: nothing more is taken ahead until it is known that they are short. */
  stop(): void {
    this.#averageMs = Number.POSITIVE_INFINITY
  }

  /**
   * @param concurrency - how many run at once.
   * @returns as many again; where results are gathered twice as many, and those that end meanwhile, the same as before where it is about the same, since each change
   * costs a journey.
   */
  ahead(concurrency: number): number {
    if (this.#averageMs >= SHORT_MS) this.#ahead = 0
    else if (!this.#gathers) this.#ahead = concurrency
    else {
      const ended = (concurrency * GATHER_MS) / Math.max(this.#averageMs, SHORTEST_MS)
      const wanted = 2 * (concurrency + Math.ceil(ended))
      if (wanted > this.#ahead || wanted < this.#ahead / 3) this.#ahead = Math.ceil(wanted * 1.5)
    }
    return this.#ahead
  }
}
