import type { Outcome } from '../process/outcome.js'

/** Codes that say: not now. Descriptors, processes or memory may be free again when another task has ended. */
const SHORT_OF: ReadonlySet<string> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'])
/** Tries, with nothing else running, before the shortage is taken for lasting: 5 s in all. */
const LONELY_TRIES = 8
const FIRST_WAIT_MS = 20
const RELAX_MS = 1_000

export function isShortage(outcome: Outcome): boolean {
  return outcome.state === 'spawn-failed' && isShortageCode(outcome.error?.code ?? '')
}

/** Of a start that failed. */
export function isShortageCode(code: string): boolean {
  return SHORT_OF.has(code)
}

/**
 * Holds back starts when the system has run short of something. While others run, it waits for one of them to end; the
 * number that may run at once is then what the system could bear, and is tried to be raised by one each second. With
 * nothing running it waits a little longer each time, and in the end lets the failure be the result.
 */
export class Shortage {
  readonly #wake: () => void
  #most = Number.POSITIVE_INFINITY
  #lonelyTries = 0
  #waiting = false
  #timer: NodeJS.Timeout | null = null

  constructor(wake: () => void) {
    this.#wake = wake
  }

  /** Whether nothing may be started while so many run. */
  holds(running: number): boolean {
    return this.#waiting || running >= this.#most
  }

  /** Whether a start that failed for a shortage is to be tried again, given how many others run. */
  retries(running: number): boolean {
    if (running > 0) {
      this.#most = Math.min(this.#most, running)
      this.#later(RELAX_MS, () => this.#relax())
      return true
    }
    if (this.#lonelyTries >= LONELY_TRIES) return false
    this.#waiting = true
    this.#later(FIRST_WAIT_MS * 2 ** this.#lonelyTries, () => {
      this.#waiting = false
      // It has taken the place of that which raises the number again.
      if (this.#most !== Number.POSITIVE_INFINITY) this.#later(RELAX_MS, () => this.#relax())
      this.#wake()
    })
    this.#lonelyTries += 1
    return true
  }

  /** A start went well. */
  started(): void {
    this.#lonelyTries = 0
  }

  /** Nothing waits any more; what comes later begins anew. */
  rest(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#most = Number.POSITIVE_INFINITY
    this.#waiting = false
  }

  #relax(): void {
    this.#most += 1
    this.#later(RELAX_MS, () => this.#relax())
    this.#wake()
  }

  #later(ms: number, then: () => void): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(then, ms)
    // A run that is over must not be held up by it; while tasks run or wait, something else keeps the loop alive.
    if (!this.#waiting) this.#timer.unref()
  }
}
