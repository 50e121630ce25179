import { NEWLINE } from '../bytes.js'
import { textWidth } from '../text-width.js'

/** A line that goes on and on is no line to write again. */
const MOST_BYTES = 4 * 1024
/** What colors do takes no room; of other control characters it cannot be said what they do. */
const COLORS = /\x1b\[[\d;]*m/g
const CONTROL = /[\x00-\x1f\x7f-\x9f]/

/** What was printed to a terminal since the last end of a line. */
export class LastLine {
  #parts: Uint8Array[] = []
  #length = 0

  add(chunk: Uint8Array): void {
    const end = chunk.lastIndexOf(NEWLINE)
    if (end !== -1) {
      this.#parts = []
      this.#length = 0
    }
    const rest = end === -1 ? chunk : chunk.subarray(end + 1)
    if (rest.length === 0) return
    this.#length += rest.length
    // The rest may be part of something large, which is not to be held.
    if (this.#length <= MOST_BYTES) this.#parts.push(Buffer.from(rest))
  }

  get isEmpty(): boolean {
    return this.#length === 0
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }

  /** How many columns it takes at the most; null where nobody knows. */
  get width(): number | null {
    if (this.#length > MOST_BYTES) return null
    const text = this.bytes.toString().replace(COLORS, '')
    return CONTROL.test(text) ? null : textWidth(text)
  }
}
