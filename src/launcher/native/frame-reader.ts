import { HEADER_BYTES, Notice } from './wire.js'

/** Output of at most this size is copied, so that a few bytes do not keep a whole read buffer alive. */
const COPIED = 16_384
/** No notice but output has a longer payload. */
const LONGEST_NOTICE = 64

export interface FrameHandler {
  /** A piece of output, the receiver's own; a frame may arrive in several. */
  onOutput(number: number, flags: number, chunk: Buffer): void
  /** Any other frame. The payload begins at the offset and is valid during the call only. */
  onNotice(type: number, flags: number, number: number, bytes: Buffer, offset: number, length: number): void
}

/**
 * Cuts what comes from the socket into frames, wherever the reads were split. Nothing is ever put together but headers
 * and short notices that a read has cut: output is handed on in the pieces it came in.
 */
export class FrameReader {
  readonly #handler: FrameHandler
  /** The beginning of a header or short notice that a read has cut. */
  readonly #carry = Buffer.alloc(HEADER_BYTES + LONGEST_NOTICE)
  #carried = 0
  /** What is still to come of an output frame. */
  #outputLeft = 0
  #outputNumber = 0
  #outputFlags = 0

  constructor(handler: FrameHandler) {
    this.#handler = handler
  }

  /** @throws Error when it is not frames; the connection is of no use then. */
  read(chunk: Buffer): void {
    let at = 0
    if (this.#carried > 0) at = this.#completeCarry(chunk)
    while (at < chunk.length) {
      if (this.#outputLeft > 0) {
        at = this.#passOutput(chunk, at)
        continue
      }
      if (chunk.length - at < HEADER_BYTES) break
      const length = u32(chunk, at)
      if (chunk[at + 4] === Notice.output) {
        this.#beginOutput(chunk, at, length)
        at += HEADER_BYTES
        continue
      }
      checkLength(length)
      if (chunk.length - at < HEADER_BYTES + length) break
      this.#notice(chunk, at, length)
      at += HEADER_BYTES + length
    }
    if (at < chunk.length) this.#carried += chunk.copy(this.#carry, this.#carried, at)
  }

  #completeCarry(chunk: Buffer): number {
    const carry = this.#carry
    let at = this.#carryUpTo(HEADER_BYTES, chunk, 0)
    if (this.#carried < HEADER_BYTES) return at
    const length = u32(carry, 0)
    if (carry[4] === Notice.output) {
      this.#carried = 0
      this.#beginOutput(carry, 0, length)
      return at
    }
    checkLength(length)
    at = this.#carryUpTo(HEADER_BYTES + length, chunk, at)
    if (this.#carried < HEADER_BYTES + length) return at
    this.#carried = 0
    this.#notice(carry, 0, length)
    return at
  }

  #carryUpTo(wanted: number, chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + Math.max(0, wanted - this.#carried))
    this.#carried += chunk.copy(this.#carry, this.#carried, at, end)
    return end
  }

  #beginOutput(bytes: Buffer, at: number, length: number): void {
    this.#outputLeft = length
    this.#outputFlags = bytes[at + 6]!
    this.#outputNumber = u32(bytes, at + 8)
  }

  #passOutput(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#outputLeft)
    this.#outputLeft -= end - at
    const piece = chunk.subarray(at, end)
    this.#handler.onOutput(this.#outputNumber, this.#outputFlags, end - at <= COPIED ? Buffer.from(piece) : piece)
    return end
  }

  #notice(bytes: Buffer, at: number, length: number): void {
    this.#handler.onNotice(bytes[at + 4]!, bytes[at + 6]!, u32(bytes, at + 8), bytes, at + HEADER_BYTES, length)
  }
}

export function u32(bytes: Buffer, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

/** Exact up to 2^53. */
export function u64(bytes: Buffer, at: number): number {
  return u32(bytes, at) + u32(bytes, at + 4) * 2 ** 32
}

function checkLength(length: number): void {
  if (length > LONGEST_NOTICE) throw new Error(`the launcher sent a notice of ${length} bytes`)
}
