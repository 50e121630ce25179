/** Tasks are short as long as they take less than this, on the average of the last ones. */
const SHORT_MS = 100
/** How much of the average the newest one is. */
const SHARE = 0.1

/**
 * How many tasks are taken ahead of a free slot. While a result is recorded and the next task comes its slot is idle: that matters where
 * tasks take milliseconds, and where they take longer, what is taken ahead would be kept from machines that are free.
 */
export class Prefetch {
  #averageMs = Number.POSITIVE_INFINITY

  note(durationMs: number): void {
    this.#averageMs =
      this.#averageMs === Number.POSITIVE_INFINITY ? durationMs : this.#averageMs * (1 - SHARE) + durationMs * SHARE
  }

  /** Tasks have become longer: nothing more is taken ahead until it is known that they are short. */
  stop(): void {
    this.#averageMs = Number.POSITIVE_INFINITY
  }

  /** @param concurrency - how many run at once. */
  ahead(concurrency: number): number {
    return this.#averageMs < SHORT_MS ? concurrency : 0
  }
}
