import { HEADER_BYTES } from './wire.js'

const SLAB_BYTES = 65_536
/** Payloads of at least this size are handed on as they are; smaller ones are cheaper to copy. */
const LARGE = 8192

/**
 * Collects the frames of one turn of the event loop in slabs, which are not reused, and hands them over in one go.
 *
 *   slab  [ sent | frames of this turn | free ]
 *                ^ start               ^ end
 */
export class FrameWriter {
  readonly #send: (pieces: readonly Uint8Array[]) => void
  #slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES)
  #start = 0
  #end = 0
  #frame = 0
  #pieces: Uint8Array[] = []
  #scheduled = false

  constructor(send: (pieces: readonly Uint8Array[]) => void) {
    this.#send = send
  }

  /** @param bound - at least as many bytes as the payload will have. */
  begin(type: number, flags: number, number: number, bound: number): void {
    this.#reserve(HEADER_BYTES + bound)
    this.#schedule()
    this.#frame = this.#end
    this.#end += 4
    this.u8(type)
    this.u8(type >>> 8)
    this.u8(flags)
    this.u8(flags >>> 8)
    this.u32(number)
  }

  u8(value: number): void {
    this.#slab[this.#end++] = value
  }

  u32(value: number): void {
    const slab = this.#slab
    let at = this.#end
    slab[at++] = value
    slab[at++] = value >>> 8
    slab[at++] = value >>> 16
    slab[at++] = value >>> 24
    this.#end = at
  }

  /** Its length, its bytes (a string's as UTF-8) and a NUL: {@link textBound} bytes at the most. */
  text(value: string | Uint8Array): void {
    const lengthAt = this.#end
    const at = lengthAt + 4
    let length: number
    if (typeof value !== 'string') {
      this.#slab.set(value, at)
      length = value.length
    } else {
      length = value.length <= 32 ? this.#shortAscii(value, at) : -1
      if (length < 0) length = this.#slab.write(value, at, 'utf8')
    }
    this.u32(length)
    this.#end = at + length
    this.u8(0)
  }

  /** Ends the frame that was begun. */
  end(): void {
    this.#putLength(this.#end - this.#frame - HEADER_BYTES)
  }

  /** A frame whose payload is just these bytes. They must not change until they are sent. */
  bytes(type: number, number: number, bytes: Uint8Array): void {
    this.begin(type, 0, number, bytes.length < LARGE ? bytes.length : 0)
    if (bytes.length < LARGE) {
      this.#slab.set(bytes, this.#end)
      this.#end += bytes.length
      this.end()
      return
    }
    this.#putLength(bytes.length)
    this.#closePiece()
    this.#pieces.push(bytes)
  }

  /** Hands over what was collected. */
  flush(): void {
    this.#scheduled = false
    this.#closePiece()
    const pieces = this.#pieces
    if (pieces.length === 0) return
    this.#pieces = []
    this.#send(pieces)
  }

  #putLength(length: number): void {
    const end = this.#end
    this.#end = this.#frame
    this.u32(length)
    this.#end = end
  }

  #reserve(bytes: number): void {
    if (this.#slab.length - this.#end >= bytes) return
    this.#closePiece()
    this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes))
    this.#start = 0
    this.#end = 0
  }

  #closePiece(): void {
    if (this.#end > this.#start) this.#pieces.push(this.#slab.subarray(this.#start, this.#end))
    this.#start = this.#end
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.flush())
  }

  #shortAscii(value: string, at: number): number {
    const slab = this.#slab
    for (let n = 0; n < value.length; n++) {
      const code = value.charCodeAt(n)
      if (code > 127) return -1
      slab[at + n] = code
    }
    return value.length
  }
}

/** The most bytes that a text takes in a frame. */
export function textBound(value: string | Uint8Array): number {
  return (typeof value === 'string' ? value.length * 3 : value.length) + 5
}
