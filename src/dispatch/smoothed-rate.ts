/** What happened longer ago than this counts for less and less. */
const MEMORY_SECONDS = 10
/** So many events are remembered at the least, however long they took. */
const LEAST_EVENTS = 10
/** Events within this time are taken together. */
const STEP_MS = 100

/**
 * How often something happens a second: what happened over what time, both fading by the same measure, so that the beginning is a
 * plain mean and nothing has to be corrected. Where events are rare, it remembers as long as ten of them take.
 */
export class SmoothedRate {
  #events = 0
  #seconds = 0
  #untilMs = 0
  /** Not taken in yet. */
  #recent = 0

  /** @param nowMs - since the beginning; never less than the last time. */
  count(nowMs: number): void {
    this.#recent += 1
    if (nowMs - this.#untilMs >= STEP_MS) this.#takeIn(nowMs)
  }

  /** Null before any time has passed. */
  perSecond(nowMs: number): number | null {
    this.#takeIn(nowMs)
    return this.#seconds > 0 ? this.#events / this.#seconds : null
  }

  #takeIn(nowMs: number): void {
    const seconds = (nowMs - this.#untilMs) / 1_000
    if (seconds <= 0) return
    const memory = Math.max(MEMORY_SECONDS, LEAST_EVENTS * (this.#seconds / this.#events || Number.POSITIVE_INFINITY))
    const kept = Math.exp(-seconds / memory)
    this.#events = this.#events * kept + this.#recent
    this.#seconds = kept === 1 ? this.#seconds + seconds : this.#seconds * kept + memory * (1 - kept)
    this.#untilMs = nowMs
    this.#recent = 0
  }
}
