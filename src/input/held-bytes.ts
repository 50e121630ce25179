const FIRST_CAPACITY = 4096
const NOTHING = Buffer.alloc(0)

/** Bytes that are gathered over several chunks; grows by doubling, so that the cost stays linear. */
export class HeldBytes {
  #bytes: Buffer = NOTHING
  #length = 0

  get length(): number {
    return this.#length
  }

  append(bytes: Buffer): void {
    const needed = this.#length + bytes.length
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2, FIRST_CAPACITY))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    bytes.copy(this.#bytes, this.#length)
    this.#length = needed
  }

  /** All bytes, which are no longer held then. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length)
    this.clear()
    return taken
  }

  /** Keeps only so many bytes of the end. */
  keepEnd(count: number): void {
    const end = this.last(count)
    this.clear()
    this.append(end)
  }

  /** A copy of so many bytes of the end, or of all. */
  last(count: number): Buffer {
    return Buffer.from(this.#bytes.subarray(Math.max(0, this.#length - count), this.#length))
  }

  clear(): void {
    this.#bytes = NOTHING
    this.#length = 0
  }
}
