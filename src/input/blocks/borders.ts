import { type Text, textBytes } from '../../task/task.js'

/** What tells records from each other: the end of one, the beginning of one, or both, one right after the other. */
export interface RecordOptions {
  /** What ends a record; it belongs to it. Empty: nothing does. Default: a newline, or nothing where `recordStart` is given. */
  readonly recordEnd?: Text | undefined
  /** What a record begins with. Default: nothing. */
  readonly recordStart?: Text | undefined
}

/**
 * Finds the borders between records. The bytes that are searched always begin at a border, and a border is where a record ends
 * and, if that is asked for, the next one begins with `recordStart`:
 *
 *   … recordEnd │ recordStart …
 *
 * Without either, there is a border between any two bytes.
 */
export class Borders {
  readonly #pattern: Buffer
  readonly #endLength: number
  /** How many bytes beyond a border have to be seen to know that it is one. */
  readonly startLength: number
  /** Whether an end may be found within another one, as in three newlines, so that only reading from the front tells which count. */
  readonly overlaps: boolean

  constructor({ recordEnd, recordStart = '' }: RecordOptions) {
    const start = Buffer.from(textBytes(recordStart))
    const end = Buffer.from(textBytes(recordEnd ?? (start.length > 0 ? '' : '\n')))
    this.#pattern = Buffer.concat([end, start])
    this.#endLength = end.length
    this.startLength = start.length
    this.overlaps = isPeriodicWithin(this.#pattern, end.length)
  }

  /** How many bytes at the end of what was searched may be the beginning of something that is found when more has come. */
  get held(): number {
    return Math.max(0, this.#pattern.length - 1)
  }

  /** The last border up to `most`, or -1. */
  last(bytes: Buffer, most: number): number {
    if (this.#pattern.length === 0) return Math.min(most, bytes.length)
    if (this.overlaps) return this.#lastFromFront(bytes, most)
    const found = bytes.subarray(0, most + this.startLength).lastIndexOf(this.#pattern)
    return found < 0 || found + this.#endLength === 0 ? -1 : found + this.#endLength
  }

  /**
   * The first border after another one, or -1.
   *
   * @param least - is known to be before it; what is before that has been searched.
   */
  next(bytes: Buffer, border: number, least = border): number {
    const from = Math.max(this.#endLength > 0 ? border : border + 1, least + 1 - this.#endLength, 0)
    if (this.#pattern.length === 0) return from <= bytes.length ? from : -1
    const found = bytes.indexOf(this.#pattern, from)
    return found < 0 ? -1 : found + this.#endLength
  }

  /** The last border within some bytes from the middle of a file, or -1; not for what {@link overlaps}. */
  lastAnywhere(bytes: Buffer): number {
    const found = bytes.lastIndexOf(this.#pattern)
    return found < 0 ? -1 : found + this.#endLength
  }

  #lastFromFront(bytes: Buffer, most: number): number {
    let last = -1
    for (let border = this.next(bytes, 0); border >= 0 && border <= most; border = this.next(bytes, border))
      last = border
    return last
  }
}

/** Whether the pattern can be found again before `end` of its bytes have passed. */
function isPeriodicWithin(pattern: Buffer, end: number): boolean {
  for (let shift = 1; shift < end; shift++) {
    if (pattern.subarray(shift).equals(pattern.subarray(0, pattern.length - shift))) return true
  }
  return false
}
