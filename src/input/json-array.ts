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
      const byte = chunk[at]!
      if (byte === LF) {
        if (this.#inside && this.#inString) {
          yield this.#break('a string is not closed before the end of its line; nothing after it can be read')
        }
        this.#line += 1
        this.#column = 0
        continue
      }
      if ((byte & 0xc0) !== 0x80) this.#column += 1
      if (this.#inside) {
        if (!this.#endsElement(byte)) continue
        if (this.#depth < 0 && byte === CLOSE_BRACE) {
          yield this.#break('expected a comma or "]", not "}"; nothing after it can be read')
          continue
        }
        yield this.#element(chunk.subarray(from, at))
        this.#state = byte === COMMA ? 'next' : 'after'
      } else if (byte !== SPACE && byte !== TAB && byte !== CR) {
        const element = this.#between(byte)
        if (element !== null) yield element
        if (this.#inside) from = at
      }
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

  #endsElement(byte: number): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false
      else if (byte === BACKSLASH) this.#escaped = true
      else if (byte === QUOTE) this.#inString = false
      return false
    }
    if (byte === QUOTE) this.#inString = true
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth += 1
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) return --this.#depth < 0
    else return byte === COMMA && this.#depth === 0
    return false
  }

  #hold(rest: Buffer): void {
    if (this.#skipping) return
    if (this.#held.length + rest.length <= this.#maxBytes) return this.#held.append(rest)
    this.#skipping = true
    this.#held.clear()
  }

  #element(rest: Buffer): Element {
    this.#hold(rest)
    return this.#skipping
      ? { ...this.#start, bytes: null, problem: 'too long' }
      : { ...this.#start, bytes: this.#held.take() }
  }

  #break(problem: string): Element {
    this.#state = 'broken'
    this.#held.clear()
    return { line: this.#line, column: this.#column, bytes: null, problem }
  }
}
