/** Not each time that it was in vain is it left out for longer; this often at the most. */
const MOST_LEFT_OUT = 1_024

/** How many in this process expect something. Where it is more than one, there is always something to do. */
let expecting = 0

/**
 * Looks for a message again and again for a moment, in place of sleeping until the system wakes this process: where an answer
 * comes within microseconds, waking takes longest of all. The event loop goes on meanwhile. Where nothing has come in time it is left out
 * the next time, then the next two times, four times and so on.
 */
export class BusyPoll {
  readonly #mostMs: number
  #untilMs = 0
  #isExpecting = false
  #isLooking = false
  /** How often it is still left out, and for how long next time. */
  #leftOut = 0
  #nextLeftOut = 1

  /** @param mostMs - milliseconds; 0 for never. */
  constructor(mostMs: number) {
    this.#mostMs = mostMs
  }

  /** A message may come from now on. */
  expect(): void {
    if (this.#isExpecting || this.#mostMs === 0) return
    this.#isExpecting = true
    expecting += 1
    if (expecting > 1) return
    if (this.#leftOut > 0) {
      this.#leftOut -= 1
      return
    }
    this.#untilMs = performance.now() + this.#mostMs
    if (this.#isLooking) return
    this.#isLooking = true
    setImmediate(this.#look)
  }

  /** It has come, or never will. */
  came(): void {
    if (!this.#isExpecting) return
    this.#isExpecting = false
    expecting -= 1
    if (this.#isLooking) this.#nextLeftOut = 1
  }

  /** Each turn of the event loop asks the system what there is, and does not sleep as long as this waits for its turn. */
  readonly #look = (): void => {
    if (!this.#isExpecting) this.#isLooking = false
    else if (performance.now() < this.#untilMs) setImmediate(this.#look)
    else {
      this.#isLooking = false
      this.#leftOut = this.#nextLeftOut
      this.#nextLeftOut = Math.min(this.#nextLeftOut * 2, MOST_LEFT_OUT)
    }
  }
}
