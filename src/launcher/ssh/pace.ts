/** New samples count so much against what was known before. */
const WEIGHT = 1 / 8
/** A trip that is shorter than so much of a task need not be hidden. */
const LEAST_SHARE = 0.02
/** Tasks do not all take the same time: that they should not run out, there are more on their way than are needed on average. */
const MARGIN = 1.5
/** For each task that runs; more would only be taken back. */
const MOST_AHEAD = 32

/** How long a word takes to a host and back, how long tasks take there, and what follows from that. */
export class Pace {
  #tripMs: number | null = null
  #taskMs: number | null = null
  #endedMs = 0
  #question = 0
  #askedMs = 0
  #isAsked = false

  /** @returns the number that a question is to be given which is about to be sent. */
  ask(): number {
    if (this.#isAsked) return 0
    this.#isAsked = true
    this.#question = (this.#question % 0xffff) + 1
    this.#askedMs = performance.now()
    return this.#question
  }

  onAnswer(question: number): void {
    if (!this.#isAsked || question !== this.#question) return
    this.#isAsked = false
    const ms = performance.now() - this.#askedMs
    // Words may wait behind others; that is not how long the way is.
    if (this.#tripMs === null || ms < this.#tripMs) this.#tripMs = ms
    else this.#tripMs += (ms - this.#tripMs) * WEIGHT
  }

  onEnd(durationMs: number): void {
    this.#endedMs = performance.now()
    this.#taskMs = this.#taskMs === null ? durationMs : this.#taskMs + (durationMs - this.#taskMs) * WEIGHT
  }

  /** Milliseconds there and back. */
  get tripMs(): number {
    return this.#tripMs ?? 0
  }

  /** How many starts on their way, or waiting there, keep so many places busy. */
  ahead(places: number): number {
    if (this.#tripMs === null || this.#taskMs === null) return 0
    // Of late they may have become longer, which shows when none has ended for long.
    const sinceMs = performance.now() - this.#endedMs
    const endsInTrip = Math.min((places / this.#taskMs) * this.#tripMs, this.#tripMs / sinceMs)
    if (endsInTrip < LEAST_SHARE * places) return 0
    return Math.min(Math.ceil(MARGIN * endsInTrip), MOST_AHEAD * places)
  }
}
