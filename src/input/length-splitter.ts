import { type BadEntry, bad, tooLong } from './entries.js'
import { HeldBytes } from './held-bytes.js'

const LENGTH_BYTES = 4

/**
 * Splits a stream of bytes into messages that each stand after their length, four bytes, the highest first. Holds no more than
 * the limit: a longer message is passed over. What is yielded may be a part of the chunk and is valid until the next push.
 */
export class LengthSplitter {
  readonly #source: string
  readonly #maxBytes: number
  readonly #held = new HeldBytes()
  /** Of the message that goes on; null while its length is read. */
  #length: number | null = null
  /** Bytes of a message that is too long, which are still to come. */
  #passedOver = 0
  #number = 1

  /** @param source - the file as the user named it, or `stdin`. */
  constructor(source: string, maxBytes: number) {
    this.#source = source
    this.#maxBytes = maxBytes
  }

  /** The messages that end in this chunk. Has to be iterated to its end. */
  *push(chunk: Buffer): Generator<Buffer | BadEntry> {
    let at = Math.min(this.#passedOver, chunk.length)
    this.#passedOver -= at
    if (this.#passedOver > 0) return
    for (;;) {
      const wanted = this.#length ?? LENGTH_BYTES
      const missing = wanted - this.#held.length
      if (chunk.length - at < missing) break
      const part = chunk.subarray(at, at + missing)
      at += missing
      const whole = this.#held.length === 0 ? part : this.#joined(part)
      if (this.#length !== null) {
        this.#length = null
        this.#number += 1
        yield whole
        continue
      }
      const length = whole.readUInt32BE()
      if (length <= this.#maxBytes) {
        this.#length = length
        continue
      }
      yield bad({ source: `${this.#source}, message ${this.#number}` }, tooLong('the message', this.#maxBytes))
      this.#number += 1
      this.#passedOver = Math.max(0, length - (chunk.length - at))
      at = Math.min(chunk.length, at + length)
      if (this.#passedOver > 0) return
    }
    if (at < chunk.length) this.#held.append(chunk.subarray(at))
  }

  /** What is wrong with the end. */
  *end(): Generator<BadEntry> {
    if (this.#passedOver > 0 || (this.#held.length === 0 && this.#length === null)) return
    yield bad({ source: `${this.#source}, message ${this.#number}` }, 'the input ends in the middle of it')
  }

  #joined(part: Buffer): Buffer {
    this.#held.append(part)
    return this.#held.take()
  }
}
