import type { Attempt, Result } from '../task/result.js'
import type { Entry } from './entry.js'
import { userCall } from './user-call.js'

export interface TriesAgainEvents {
  /** Told of an attempt that is followed by another, before it is recorded. */
  onAttempt(result: Result): void
  /** Writes it down; what waits for it waits until that is done. */
  record(attempt: Attempt): unknown
  onError(error: unknown): void
  /** The next try may begin. */
  onDue(entry: Entry): void
}

/** Tasks between two attempts: the last one is recorded, and then a time passes. */
export class TriesAgain {
  readonly #events: TriesAgainEvents
  readonly #waiting = new Set<Entry>()

  constructor(events: TriesAgainEvents) {
    this.#events = events
  }

  get size(): number {
    return this.#waiting.size
  }

  /** @param pauseMs - milliseconds from when it is recorded; null is at once, before anything else. */
  add(entry: Entry, result: Result, pauseMs: number | null): void {
    entry.last = result
    entry.queuedAtMs = performance.now()
    this.#waiting.add(entry)
    this.#events.onAttempt(result)
    // Whoever was told of it has ended it: it is its result then, and no attempt that is followed by another.
    if (!this.#waiting.has(entry)) return
    const onError = (error: unknown) => this.#events.onError(error)
    const recorded = userCall(() => this.#events.record({ ...result, type: 'attempt' }), onError)
    if (recorded === undefined) this.#pause(entry, pauseMs)
    else recorded.then(() => this.#pause(entry, pauseMs), onError)
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#waiting.values()
  }

  /** Takes one out, which waits no more. Returns whether it was there. */
  remove(entry: Entry): boolean {
    if (entry.backoff !== null) clearTimeout(entry.backoff)
    entry.backoff = null
    return this.#waiting.delete(entry)
  }

  /** All of them, which wait no more. */
  drain(): Entry[] {
    const entries = [...this.#waiting]
    for (const entry of entries) this.remove(entry)
    return entries
  }

  #pause(entry: Entry, pauseMs: number | null): void {
    // A stop while the attempt was being recorded has made it final.
    if (!this.#waiting.has(entry)) return
    if (pauseMs === null) return this.#due(entry)
    entry.backoff = setTimeout(() => this.#due(entry), pauseMs)
  }

  #due(entry: Entry): void {
    this.#waiting.delete(entry)
    entry.backoff = null
    this.#events.onDue(entry)
  }
}
