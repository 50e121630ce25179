const SMALL_BYTES = 4 * 1024
const FIRST_BLOCK_BYTES = 512
const LAST_BLOCK_BYTES = 32 * 1024

/**
 * A growing sequence of bytes. Small chunks are copied together into blocks, each twice as large as the one before, so
 * that many tiny chunks cost about their own size; large chunks are kept as they are.
 */
export class BlockList {
  readonly #full: Uint8Array[] = []
  #open: Buffer | null = null
  #openBytes = 0
  #nextBlockBytes = FIRST_BLOCK_BYTES
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** Adds bytes, which must not be changed afterwards. */
  add(chunk: Uint8Array): void {
    this.#bytes += chunk.length
    if (this.#open !== null && this.#openBytes + chunk.length <= this.#open.length) {
      this.#open.set(chunk, this.#openBytes)
      this.#openBytes += chunk.length
      return
    }
    this.#closeOpen()
    if (isWorthKeeping(chunk)) {
      this.#full.push(chunk)
      return
    }
    this.#open = Buffer.allocUnsafe(Math.max(this.#nextBlockBytes, chunk.length))
    this.#open.set(chunk)
    this.#openBytes = chunk.length
    this.#nextBlockBytes = Math.min(this.#nextBlockBytes * 2, LAST_BLOCK_BYTES)
  }

  /** All bytes in order, as views that stay as they are when more is added. */
  blocks(): readonly Uint8Array[] {
    if (this.#open === null) return this.#full
    const open = this.#open.subarray(0, this.#openBytes)
    return this.#full.length === 0 ? [open] : [...this.#full, open]
  }

  #closeOpen(): void {
    if (this.#open !== null) this.#full.push(this.#open.subarray(0, this.#openBytes))
    this.#open = null
  }
}

/** A small view into a large buffer would keep all of that buffer in memory. */
function isWorthKeeping(chunk: Uint8Array): boolean {
  return chunk.length >= SMALL_BYTES && chunk.length * 2 >= chunk.buffer.byteLength
}
