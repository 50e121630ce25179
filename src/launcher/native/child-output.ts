import type { OutputStream } from '../port.js'

/** How much of a stream the launcher may send before it hears that some was consumed. */
export const OUTPUT_CREDIT = 524_288
const CREDIT_STEP = OUTPUT_CREDIT / 2

/** One stream of what a child prints, as it is known here. */
export class ChildOutput {
  open: boolean
  paused = false
  /** Closed by us; what still arrives is dropped. */
  closing = false
  released = false
  /** Consumed, and not yet given back as credit. */
  consumed = 0
  /** How many bytes the receiver knows of, where they are only counted. */
  #counted = 0

  constructor(open: boolean) {
    this.open = open
  }

  /** @param total - how many bytes have come so far. @returns how many of them are new. */
  count(total: number): number {
    const bytes = total - this.#counted
    this.#counted = total
    return bytes
  }

  /** How much credit is to be given back now; 0 for none. */
  takeCredit(): number {
    if (this.paused || this.consumed < CREDIT_STEP || !this.open || this.closing) return 0
    const credit = this.consumed
    this.consumed = 0
    return credit
  }
}

export function numberOf(stream: OutputStream): number {
  return stream === 'stdout' ? 1 : 2
}

export function streamOf(number: number): OutputStream {
  return number === 1 ? 'stdout' : 'stderr'
}
