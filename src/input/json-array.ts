import { HeldBytes } from './held-bytes.js'

/** A top-level element of a JSON array, or what is wrong at a place. Lines and columns count from 1, in characters. */
export interface Element {
  readonly line: number
  readonly column: number
  readonly bytes: Buffer | null
  /** Why there are no bytes. */
  readonly problem?: string
}

const [SPACE, TAB, LF, CR] = [0x20, 0x09, 0x0a, 0x0d]
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c]
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d]

/**
 * Cuts a JSON array into its top-level elements without reading them, byte by byte; only strings and nesting matter.
 *
 *   [ {"a": [1, 2]} ,  3 ]  x
 *   │ │              │ │ │  └─ after: must not be
 *   │ inside         │ │ after
 *   first            next
 */
export class ArrayScanner {
  readonly #maxBytes: number
  readonly #held = new HeldBytes()
  #state: 'first' | 'next' | 'inside' | 'after' | 'broken' = 'first'
  #opened = false
  #depth = 0
  #inString = false
  #escaped = false
  #skipping = false
  #line: number
  /** Characters of the line before this byte. */
  #column: number
  #start = { line: 1, column: 1 }

  /** The first byte pushed must be the opening bracket, which stands at this line and column. */
  constructor(maxBytes: number, line: number, column: number) {
    this.#maxBytes = maxBytes
    this.#line = line
    this.#column = column - 1
  }

  /** How many bytes are held back until their element is whole. */
  get heldBytes(): number {
    return this.#held.length
  }

  /** The structure is so bad that nothing more can be read. */
  get broken(): boolean {
    return this.#state === 'broken'
  }

  get #inside(): boolean {
    return this.#state === 'inside'
  }

  /** The elements that end in this chunk. Has to be iterated to its end, and ends early when it is broken. */
  *push(chunk: Buffer): Generator<Element> {
    let from = 0
    for (let at = 0; at < chunk.length && !this.broken; at++) {
      if (this.#inside) {
        at = this.#elementEnd(chunk, at)
        if (at === chunk.length) break
        const byte = chunk[at]!
        if (byte === LF)
          yield this.#break('a string is not closed before the end of its line; nothing after it can be read')
        else if (byte === CLOSE_BRACE)
          yield this.#break('expected a comma or "]", not "}"; nothing after it can be read')
        else {
          yield this.#element(chunk.subarray(from, at))
          this.#state = byte === COMMA ? 'next' : 'after'
        }
        continue
      }
      const byte = chunk[at]!
      if (byte === LF) {
        this.#line += 1
        this.#column = 0
        continue
      }
      if ((byte & 0xc0) !== 0x80) this.#column += 1
      if (byte === SPACE || byte === TAB || byte === CR) continue
      const element = this.#between(byte)
      if (element !== null) yield element
      if (this.#inside) from = at
    }
    if (this.#inside) this.#hold(chunk.subarray(from))
  }

  /** What is missing at the end of the input. */
  *end(): Generator<Element> {
    if (this.#state === 'after' || this.broken) return
    const begun = this.#state === 'inside' ? `; the task that begins in line ${this.#start.line} is not whole` : ''
    this.#column += 1
    yield this.#break(`the array ends too early, without its "]"${begun}`)
  }

  #between(byte: number): Element | null {
    const here = { line: this.#line, column: this.#column }
    if (this.#state === 'after') return this.#break('expected nothing after the end of the array')
    if (!this.#opened) {
      this.#opened = true
      return null
    }
    if (byte === CLOSE_BRACKET) {
      const dangling = this.#state === 'next'
      this.#state = 'after'
      return dangling ? { ...here, bytes: null, problem: 'expected a task after the comma, not "]"' } : null
    }
    if (byte === COMMA) {
      this.#state = 'next'
      return { ...here, bytes: null, problem: 'expected a task, not a comma' }
    }
    if (byte === CLOSE_BRACE) return this.#break('expected a task, not "}"; nothing after it can be read')
    this.#state = 'inside'
    this.#start = here
    this.#depth = byte === OPEN_BRACE || byte === OPEN_BRACKET ? 1 : 0
    this.#inString = byte === QUOTE
    this.#escaped = false
    this.#skipping = false
    return null
  }

  /**
   * Where the element ends: at a comma, at a bracket or brace that closes more than it opened, or at a newline within a
   * string; else the length of the chunk. Works on local variables because it sees every byte.
   */
  #elementEnd(chunk: Buffer, start: number): number {
    let [depth, inString, escaped, column] = [this.#depth, this.#inString, this.#escaped, this.#column]
    let at = start
    for (; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (byte === LF) {
        if (inString) break
        this.#line += 1
        column = 0
        continue
      }
      if ((byte & 0xc0) !== 0x80) column += 1
      if (inString) {
        if (escaped) escaped = false
        else if (byte === BACKSLASH) escaped = true
        else if (byte === QUOTE) inString = false
      } else if (byte === QUOTE) inString = true
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        depth -= 1
        if (depth < 0) break
      } else if (byte === COMMA && depth === 0) break
    }
    this.#depth = depth
    this.#inString = inString
    this.#escaped = escaped
    this.#column = column
    return at
  }

  #hold(rest: Buffer): void {
    if (this.#skipping) return
    if (this.#held.length + rest.length <= this.#maxBytes) return this.#held.append(rest)
    this.#skipping = true
    this.#held.clear()
  }

  #element(rest: Buffer): Element {
    const { line, column } = this.#start
    if (this.#held.length === 0 && !this.#skipping && rest.length <= this.#maxBytes)
      return { line, column, bytes: rest }
    this.#hold(rest)
    return this.#skipping
      ? { line, column, bytes: null, problem: 'too long' }
      : { line, column, bytes: this.#held.take() }
  }

  #break(problem: string): Element {
    this.#state = 'broken'
    this.#held.clear()
    return { line: this.#line, column: this.#column, bytes: null, problem }
  }
}
