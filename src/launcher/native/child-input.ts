/** Written and not yet taken by the child's pipe: at this much the writer is asked to wait, at half of it to go on. */
const HIGH = 65_536
const LOW = HIGH / 2
/** What the launcher is given to hold for one child. */
const WINDOW = 131_072
const PIECE = 65_536

export interface InputSink {
  sendInput(bytes: Uint8Array): void
  sendInputEnd(): void
}

/**
 * Standard input on its way to the child. The launcher holds a window of it and acknowledges what the pipe has taken; the
 * rest waits here, without a copy.
 */
export class ChildInput {
  readonly #sink: InputSink
  readonly #waiting: Uint8Array[] = []
  /** How much of the first waiting piece is sent. */
  #offset = 0
  #pending = 0
  #inFlight = 0
  #ended = false
  #endSent = false
  #asked = false

  constructor(sink: InputSink) {
    this.#sink = sink
  }

  /** @returns false when the writer should wait until {@link acknowledge} says that there is room. */
  write(chunk: Uint8Array | string): boolean {
    if (this.#ended || chunk.length === 0) return !this.#asked
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    this.#pending += bytes.length
    this.#waiting.push(bytes)
    this.#pump()
    if (this.#pending >= HIGH) this.#asked = true
    return !this.#asked
  }

  end(): void {
    this.#ended = true
    this.#pump()
  }

  /** Drops everything: nobody reads it any more. Returns whether a writer waits. */
  close(): boolean {
    const asked = this.#asked
    this.#ended = true
    this.#endSent = true
    this.#waiting.length = 0
    this.#asked = false
    return asked
  }

  /** @returns whether a writer that was asked to wait may go on. */
  acknowledge(bytes: number): boolean {
    this.#pending -= bytes
    this.#inFlight -= bytes
    this.#pump()
    if (!this.#asked || this.#pending > LOW) return false
    this.#asked = false
    return true
  }

  #pump(): void {
    while (this.#inFlight < WINDOW) {
      const piece = this.#waiting[0]
      if (piece === undefined) break
      const end = Math.min(piece.length, this.#offset + Math.min(PIECE, WINDOW - this.#inFlight))
      this.#sink.sendInput(piece.subarray(this.#offset, end))
      this.#inFlight += end - this.#offset
      this.#offset = end
      if (end < piece.length) continue
      this.#waiting.shift()
      this.#offset = 0
    }
    if (this.#ended && !this.#endSent && this.#waiting.length === 0) {
      this.#endSent = true
      this.#sink.sendInputEnd()
    }
  }
}
