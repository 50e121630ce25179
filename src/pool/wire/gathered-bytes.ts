/** So many pieces are put together, so that what comes byte by byte does not cost an object for each. */
const MOST_PIECES = 4096

/** Bytes that come in pieces: kept as they are, and put together once; twice where they are very many. */
export class GatheredBytes {
  #pieces: Buffer[] = []
  /** How many of the pieces, from the first, are such as were put together. */
  #large = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  append(piece: Buffer): void {
    if (piece.length === 0) return
    this.#pieces.push(piece)
    this.#length += piece.length
    if (this.#pieces.length - this.#large < MOST_PIECES) return
    this.#pieces.push(Buffer.concat(this.#pieces.splice(this.#large)))
    this.#large += 1
  }

  /** All of it; nothing is left. */
  take(): Buffer {
    const all = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces, this.#length)
    this.#pieces = []
    this.#large = 0
    this.#length = 0
    return all
  }
}
