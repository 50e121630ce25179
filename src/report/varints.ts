/** Whole numbers from 0 to 2^53, small ones in few bytes: seven bits a byte, the lowest first. */
export class VarintWriter {
  #bytes = new Uint8Array(1 << 14)
  #length = 0

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  write(value: number): void {
    if (this.#length + 8 > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    let rest = value
    // Not by shifting, which knows 32 bits only.
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) | 128
    this.#bytes[this.#length++] = rest
  }

  /** One that may be below 0: 0, -1, 1, -2 … */
  writeSigned(value: number): void {
    this.write(value < 0 ? -2 * value - 1 : 2 * value)
  }

  /** One more, or 0 for null. */
  writeOrNull(value: number | null): void {
    this.write(value === null ? 0 : value + 1)
  }
}

export class VarintReader {
  readonly #bytes: Uint8Array
  #place = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  read(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.#place++]
      if (byte === undefined) throw new RangeError('the data of this report end too early')
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }

  readSigned(): number {
    const value = this.read()
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2
  }

  readOrNull(): number | null {
    const value = this.read()
    return value === 0 ? null : value - 1
  }

  /** What has not been read. */
  get rest(): Uint8Array {
    return this.#bytes.subarray(this.#place)
  }
}
