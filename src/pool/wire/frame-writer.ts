import { COUNTED_HEADER_BYTES, HEADER_BYTES } from './frame.js'
import type { EncodedValue } from './values.js'

const SLAB_BYTES = 65_536
/** Bodies of at least this size are handed on as they are; smaller ones are cheaper to copy. */
const LARGE = 16_384
/** The same where the memory is there already. */
const LARGE_WHERE_REUSED = 1024 * 1024

/**
 * Collects frames in slabs until they are taken to be written. Slabs are not used again, unless {@link FrameWriter.reuse} is
 * called.
 *
 *   slab  [ taken | collected | free ]
 *                 ^ start     ^ end
 */
export class FrameWriter {
  readonly #large: number
  #slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES)
  #start = 0
  #end = 0
  #pieces: Uint8Array[] = []
  #bytes = 0

  /** @param isReused - whether {@link reuse} will be called each time, so that slabs for long bodies are worth their while. */
  constructor(isReused = false) {
    this.#large = isReused ? LARGE_WHERE_REUSED : LARGE
  }

  /** How many bytes wait to be taken. */
  get bytes(): number {
    return this.#bytes + this.#end - this.#start
  }

  /** A frame without a payload. */
  empty(type: number, id: number): void {
    this.#reserve(HEADER_BYTES)
    this.#header(type, id, 0)
  }

  /** A frame whose payload is a value. A large body must not change until it was written. */
  value(type: number, id: number, { codec, body }: EncodedValue): void {
    this.tagged(type, id, codec, body)
  }

  /** A frame whose payload is a byte and then these bytes, or this text as UTF-8. */
  tagged(type: number, id: number, tag: number, body: string | Uint8Array): void {
    const bound = typeof body === 'string' ? boundOf(body) : 0
    if (typeof body === 'string' && bound < this.#large) {
      this.#reserve(HEADER_BYTES + 1 + bound)
      const written = this.#slab.write(body, this.#end + HEADER_BYTES + 1)
      this.#header(type, id, 1 + written)
      this.#slab[this.#end] = tag
      this.#end += 1 + written
      return
    }
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const isLarge = bytes.length >= this.#large
    this.#reserve(HEADER_BYTES + 1 + (isLarge ? 0 : bytes.length))
    this.#header(type, id, 1 + bytes.length)
    this.#slab[this.#end++] = tag
    this.#body(bytes, isLarge)
  }

  /** A frame whose payload is a JSON text. */
  json(type: number, id: number, content: unknown): void {
    const bytes = Buffer.from(JSON.stringify(content))
    const isLarge = bytes.length >= this.#large
    this.#reserve(HEADER_BYTES + (isLarge ? 0 : bytes.length))
    this.#header(type, id, bytes.length)
    this.#body(bytes, isLarge)
  }

  /** What was collected, in the order to be written. */
  take(): Uint8Array[] {
    this.#closePiece()
    const pieces = this.#pieces
    this.#pieces = []
    this.#bytes = 0
    return pieces
  }

  /** What was taken has been written, and nothing else is collected: its memory is used again. */
  reuse(): void {
    this.#start = 0
    this.#end = 0
  }

  #header(type: number, id: number, payloadBytes: number): void {
    const slab = this.#slab
    const length = payloadBytes + COUNTED_HEADER_BYTES
    let at = this.#end
    slab[at++] = length >>> 24
    slab[at++] = length >>> 16
    slab[at++] = length >>> 8
    slab[at++] = length
    slab[at++] = type
    slab[at++] = id >>> 24
    slab[at++] = id >>> 16
    slab[at++] = id >>> 8
    slab[at++] = id
    this.#end = at
  }

  #body(bytes: Uint8Array, isLarge: boolean): void {
    if (isLarge) {
      this.#closePiece()
      this.#pieces.push(bytes)
      this.#bytes += bytes.length
      return
    }
    this.#slab.set(bytes, this.#end)
    this.#end += bytes.length
  }

  #reserve(bytes: number): void {
    if (this.#slab.length - this.#end >= bytes) return
    this.#closePiece()
    this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes))
    this.#start = 0
    this.#end = 0
  }

  #closePiece(): void {
    if (this.#end === this.#start) return
    this.#bytes += this.#end - this.#start
    this.#pieces.push(this.#slab.subarray(this.#start, this.#end))
    this.#start = this.#end
  }
}

/** The most bytes that a text takes, found without looking at it where that hardly matters. */
function boundOf(text: string): number {
  return text.length * 3 < LARGE ? text.length * 3 : Buffer.byteLength(text)
}
