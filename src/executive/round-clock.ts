/** The times of a daemon's rounds: the beginning and every whole interval after it, however long each round takes. */
export class RoundClock {
  readonly #intervalMs: number
  readonly #startMs: number
  /** The last time that was used, in intervals. */
  #last = 0
  #due = 1

  constructor(intervalMs: number, startMs: number) {
    this.#intervalMs = intervalMs
    this.#startMs = startMs
  }

  /** When the next round is due that is not over yet. Both in the milliseconds of the monotonic clock. */
  nextDueMs(nowMs: number): number {
    if (this.#intervalMs === 0) return nowMs
    this.#due = Math.max(this.#last + 1, Math.ceil((nowMs - this.#startMs) / this.#intervalMs))
    return this.#startMs + this.#due * this.#intervalMs
  }

  /** The round that {@link nextDueMs} told of begins. @returns how many before it have passed unused. */
  begin(nowMs: number): number {
    if (this.#intervalMs === 0) return 0
    const next = Math.max(this.#due, Math.floor((nowMs - this.#startMs) / this.#intervalMs))
    const missed = next - this.#last - 1
    this.#last = next
    return missed
  }
}
