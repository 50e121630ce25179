import { HeldBytes } from './held-bytes.js'

/** A line without its delimiter, or null where it was longer than the limit; `number` counts from 1. */
export interface Line {
  readonly bytes: Buffer | null
  readonly number: number
}

/**
 * Splits a stream of bytes at a delimiter, which may lie across the border of two chunks. Holds no more than the limit:
 * the rest of a longer line is passed over. What is yielded may be a part of the chunk and is valid until the next push.
 */
export class LineSplitter {
  readonly #delimiter: Buffer
  readonly #maxLineBytes: number
  readonly #held = new HeldBytes()
  #number: number
  /** Whether the line that goes on is too long already; then only what may begin a delimiter is held. */
  #tooLong = false
  #begun = false

  constructor(delimiter: Buffer, maxLineBytes: number, firstNumber = 1) {
    this.#delimiter = delimiter
    this.#maxLineBytes = maxLineBytes
    this.#number = firstNumber
  }

  /** How many bytes are held back until their line is whole. */
  get heldBytes(): number {
    return this.#held.length
  }

  /** The lines that end in this chunk. Has to be iterated to its end. */
  *push(chunk: Buffer): Generator<Line> {
    let start = this.#acrossBorder(chunk)
    if (start > 0) yield this.#line(this.#held.take())
    else start = 0
    for (;;) {
      const end = chunk.indexOf(this.#delimiter, start)
      if (end < 0) break
      yield this.#line(chunk.subarray(start, end))
      start = end + this.#delimiter.length
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start))
  }

  /** The last line, where it has no delimiter. */
  *end(): Generator<Line> {
    if (this.#begun) yield this.#line(Buffer.alloc(0))
  }

  /** Where the next line begins in the chunk, when a delimiter began in what is held; that much is taken away. */
  #acrossBorder(chunk: Buffer): number {
    const more = this.#delimiter.length - 1
    if (more === 0 || this.#held.length === 0) return 0
    const tail = this.#held.last(more)
    const found = Buffer.concat([tail, chunk.subarray(0, more)]).indexOf(this.#delimiter)
    if (found < 0 || found >= tail.length) return 0
    const held = this.#held.take()
    this.#held.append(held.subarray(0, held.length - tail.length + found))
    return found + this.#delimiter.length - tail.length
  }

  #hold(rest: Buffer): void {
    this.#begun = true
    const more = this.#delimiter.length - 1
    if (!this.#tooLong && this.#held.length + rest.length <= this.#maxLineBytes + more) return this.#held.append(rest)
    this.#tooLong = true
    this.#held.append(rest.subarray(Math.max(0, rest.length - more)))
    this.#held.keepEnd(more)
  }

  #line(end: Buffer): Line {
    let bytes: Buffer | null = end
    if (this.#held.length > 0) {
      this.#held.append(end)
      bytes = this.#held.take()
    }
    if (this.#tooLong || bytes.length > this.#maxLineBytes) bytes = null
    this.#tooLong = false
    this.#begun = false
    return { bytes, number: this.#number++ }
  }
}
