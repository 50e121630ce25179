import type { ResultError } from '../task/result.js'
import { Deadline } from './deadline.js'

/** The time of one execution: since when it runs, how long it may, and how long it did. */
export class ExecutionTime {
  #startedAt = new Date(0)
  #startedMs = 0
  #exitedMs = 0
  #deadline: Deadline | null = null

  get startedAt(): Date {
    return this.#startedAt
  }

  /** By the monotonic clock. */
  get startedMs(): number {
    return this.#startedMs
  }

  /** Milliseconds from its start to its exit; until now, where none was seen. */
  get durationMs(): number {
    return (this.#exitedMs || performance.now()) - this.#startedMs
  }

  /** @param agoMs - how long it runs already. */
  start(agoMs = 0): void {
    this.#startedMs = performance.now() - agoMs
    this.#startedAt = new Date(Date.now() - agoMs)
  }

  /**
   * @param timeoutMs - from its start; 0 is no limit.
   * @param passedMs - how much of that is over.
   */
  limit(timeoutMs: number, passedMs: number, onOver: (error: ResultError) => void): void {
    if (timeoutMs === 0) return
    const message = `took longer than ${timeoutMs} ms and was ended`
    this.#deadline = new Deadline(Math.max(1, timeoutMs - passedMs), () =>
      onOver({ code: 'ERR_DROVER_TIMEOUT', message }),
    )
  }

  /** The limit stands still. */
  suspend(): void {
    this.#deadline?.suspend()
  }

  resume(): void {
    this.#deadline?.resume()
  }

  exit(): void {
    this.#exitedMs = performance.now()
  }

  /** There is no limit any more. */
  endLimit(): void {
    this.#deadline?.clear()
  }
}
