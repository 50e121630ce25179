const KEPT_BYTES = 8192

/** The last bytes of a stream, for messages. */
export class OutputTail {
  readonly #ring = Buffer.alloc(2 * KEPT_BYTES)
  #used = 0

  append(chunk: Buffer): void {
    const end = chunk.length > KEPT_BYTES ? chunk.subarray(chunk.length - KEPT_BYTES) : chunk
    if (this.#used + end.length > this.#ring.length) {
      this.#ring.copyWithin(0, this.#used - KEPT_BYTES, this.#used)
      this.#used = KEPT_BYTES
    }
    this.#used += end.copy(this.#ring, this.#used)
  }

  text(): string {
    return this.#ring.toString('utf8', Math.max(0, this.#used - KEPT_BYTES), this.#used)
  }
}

/** The line of it that tells most about a failure: the last that names an error, or else the last. */
export function tellingLine(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const line = lines.findLast((each) => /error|exception|fatal/i.test(each) && !/^at /.test(each)) ?? lines.at(-1) ?? ''
  return line.length > 200 ? `${line.slice(0, 197)}...` : line
}
