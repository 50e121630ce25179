/** The most that is kept. */
const MOST_BYTES = 1024 * 1024
/** UTF-8 of one of a string's units takes this much at the most. */
const PER_UNIT = 3

/**
 * Memory for long texts that are written at once, one for the whole process. It is used again as soon as they have been
 * written: memory that was never touched costs more than what is done with it.
 *
 *   [ given away | taken | free ]
 *                ^ start ^ end
 */
export class Scratch {
  #memory = Buffer.alloc(0)
  #start = 0
  #end = 0

  /**
   * UTF-8 of a text behind so many bytes that the caller fills in.
   *
   * @returns memory that is the caller's until {@link reuse}.
   */
  encode(text: string, before: number): Buffer {
    const needed = before + this.#boundOf(text, before)
    if (needed > MOST_BYTES) return encodeApart(text, before)
    if (needed > this.#memory.length - this.#end) {
      this.#memory = Buffer.allocUnsafeSlow(MOST_BYTES)
      this.#start = 0
      this.#end = 0
    }
    const from = this.#end
    this.#end += before + this.#memory.write(text, from + before)
    return this.#memory.subarray(from, this.#end)
  }

  /** What was taken has been written. */
  reuse(): void {
    this.#end = this.#start
  }

  /** What was taken is still being written, and no longer this one's. */
  giveAway(): void {
    this.#start = this.#end
  }

  /** Not more than there is where it may be less: a text is looked at for that only where it has to be. */
  #boundOf(text: string, before: number): number {
    const most = text.length * PER_UNIT
    return before + most <= this.#memory.length - this.#end ? most : Buffer.byteLength(text)
  }
}

function encodeApart(text: string, before: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(before + Buffer.byteLength(text))
  bytes.write(text, before)
  return bytes
}
