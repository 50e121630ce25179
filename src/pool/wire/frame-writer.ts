import { COUNTED_HEADER_BYTES, HEADER_BYTES } from './frame.js'
import { Scratch } from './scratch.js'
import type { EncodedValue } from './values.js'

const SLAB_BYTES = 65_536
/** Bodies of at least this size are handed on as they are, or if they are texts written when they are taken; smaller ones are cheaper to copy. */
const LARGE = 16_384
/** No text with less than this needs to be looked at to know that it is not large. */
const SURELY_SMALL = Math.floor(LARGE / 3)

interface LongText {
  readonly type: number
  readonly id: number
  readonly tag: number
  readonly text: string
}

const scratch = new Scratch()

/**
 * Collects frames in slabs until they are taken to be written.
 *
 *   slab  [ taken | collected | free ]
 *                 ^ start     ^ end
 *
 * What is taken has to be written before anybody else takes something, and then {@link FrameWriter.written} or {@link FrameWriter.held}
 * be called.
 */
export class FrameWriter {
  #slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES)
  #start = 0
  #end = 0
  #pieces: (Uint8Array | LongText)[] = []

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
    if (typeof body === 'string') return this.#text(type, id, tag, body)
    const isLarge = body.length >= LARGE
    this.#reserve(HEADER_BYTES + 1 + (isLarge ? 0 : body.length))
    this.#header(type, id, 1 + body.length)
    this.#slab[this.#end++] = tag
    this.#body(body, isLarge)
  }

  /** A frame whose payload is a JSON text. */
  json(type: number, id: number, content: unknown): void {
    const bytes = Buffer.from(JSON.stringify(content))
    const isLarge = bytes.length >= LARGE
    this.#reserve(HEADER_BYTES + (isLarge ? 0 : bytes.length))
    this.#header(type, id, bytes.length)
    this.#body(bytes, isLarge)
  }

  /** What was collected, in the order to be written. */
  take(): Uint8Array[] {
    this.#closePiece()
    const pieces = this.#pieces
    this.#pieces = []
    for (const [place, piece] of pieces.entries()) if (!(piece instanceof Uint8Array)) pieces[place] = encodeLong(piece)
    return pieces as Uint8Array[]
  }

  /** Nothing that was ever taken is still to be written: its memory is used again. */
  written(): void {
    scratch.reuse()
    if (this.#end > this.#start) return
    this.#start = 0
    this.#end = 0
  }

  /** Of what was taken something is still to be written. */
  held(): void {
    scratch.giveAway()
  }

  #text(type: number, id: number, tag: number, text: string): void {
    const bound = text.length > SURELY_SMALL && text.length < LARGE ? Buffer.byteLength(text) : text.length * 3
    if (bound >= LARGE) {
      this.#closePiece()
      this.#pieces.push({ type, id, tag, text })
      return
    }
    this.#reserve(HEADER_BYTES + 1 + bound)
    const written = this.#slab.write(text, this.#end + HEADER_BYTES + 1)
    this.#header(type, id, 1 + written)
    this.#slab[this.#end] = tag
    this.#end += 1 + written
  }

  #header(type: number, id: number, payloadBytes: number): void {
    this.#end = writeHeader(this.#slab, this.#end, type, id, payloadBytes)
  }

  #body(bytes: Uint8Array, isLarge: boolean): void {
    if (isLarge) {
      this.#closePiece()
      this.#pieces.push(bytes)
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
    this.#pieces.push(this.#slab.subarray(this.#start, this.#end))
    this.#start = this.#end
  }
}

function encodeLong({ type, id, tag, text }: LongText): Buffer {
  const frame = scratch.encode(text, HEADER_BYTES + 1)
  frame[writeHeader(frame, 0, type, id, frame.length - HEADER_BYTES)] = tag
  return frame
}

/** @returns where it ends. */
function writeHeader(bytes: Buffer, at: number, type: number, id: number, payloadBytes: number): number {
  const length = payloadBytes + COUNTED_HEADER_BYTES
  bytes[at] = length >>> 24
  bytes[at + 1] = length >>> 16
  bytes[at + 2] = length >>> 8
  bytes[at + 3] = length
  bytes[at + 4] = type
  bytes[at + 5] = id >>> 24
  bytes[at + 6] = id >>> 16
  bytes[at + 7] = id >>> 8
  bytes[at + 8] = id
  return at + HEADER_BYTES
}
