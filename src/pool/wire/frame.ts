/** The frames of `docs/protocol.md`, which both sides read and write: a length, a type, a number, a payload. */

export const HEADER_BYTES = 9
/** The part of the header that the length counts. */
export const COUNTED_HEADER_BYTES = 5

export const PROTOCOL_VERSION = 1

/** What the worker sends. */
export const FromWorker = { ready: 1, result: 2, error: 3, output: 4, pong: 5 } as const

/** What the pool sends. */
export const ToWorker = { hello: 16, request: 17, cancel: 18, ping: 19, exit: 20 } as const

/** The first byte of the payload of `output`. */
export const PrintedTo = { stdout: 1, stderr: 2 } as const

/** What came is no frame of this side's. */
export class FrameError extends Error {}

/** @param payload - valid during the call; where it is all of its ArrayBuffer it is the receiver's own. */
export type OnFrame = (type: number, id: number, payload: Buffer) => void

/** The most that is kept to put frames together in; for longer ones memory of their size is taken. */
const MOST_KEPT_BYTES = 1024 * 1024
const LEAST_KEPT_BYTES = 65_536

/**
 * Cuts what comes into frames, wherever the reads were split. A frame that a read has cut is put together in a buffer that is
 * large enough from the start, so that each byte is copied once at the most.
 */
export class FrameReader {
  readonly #lowestType: number
  readonly #highestType: number
  readonly #maxBytes: number
  readonly #onFrame: OnFrame
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #headerBytes = 0
  #payload: Buffer | null = null
  #payloadBytes = 0
  /** Used again and again: memory that was never touched costs more than what is done with it. */
  #kept: Buffer = Buffer.alloc(0)

  /** @param types - those that the other side sends, which are numbered without a gap. */
  constructor(types: Readonly<Record<string, number>>, maxBytes: number, onFrame: OnFrame) {
    this.#lowestType = Math.min(...Object.values(types))
    this.#highestType = Math.max(...Object.values(types))
    this.#maxBytes = maxBytes
    this.#onFrame = onFrame
  }

  /** Whether a frame has begun and not ended. */
  get isInside(): boolean {
    return this.#headerBytes > 0
  }

  /** @throws FrameError at the first byte that cannot be of a frame; nothing more can be read then. */
  read(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#headerBytes > 0) {
        at = this.#goOn(chunk, at)
        continue
      }
      if (chunk.length - at < HEADER_BYTES) {
        at = this.#begin(chunk, at)
        continue
      }
      const length = this.#payloadLength(chunk, at)
      const end = at + HEADER_BYTES + length
      if (end > chunk.length) {
        at = this.#begin(chunk, at)
        continue
      }
      this.#onFrame(chunk[at + 4]!, u32(chunk, at + 5), chunk.subarray(at + HEADER_BYTES, end))
      at = end
    }
  }

  #begin(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#header, this.#headerBytes, at, at + HEADER_BYTES - this.#headerBytes)
    this.#headerBytes += copied
    if (this.#headerBytes < HEADER_BYTES) {
      // Text is told from a frame by its first byte: nobody should wait for the rest of it.
      if (this.#header[0]! > this.#maxBytes >>> 24) this.#fail()
      return at + copied
    }
    const length = this.#payloadLength(this.#header, 0)
    this.#payload = this.#memoryFor(length)
    this.#payloadBytes = 0
    this.#endIfWhole()
    return at + copied
  }

  #goOn(chunk: Buffer, at: number): number {
    if (this.#payload === null) return this.#begin(chunk, at)
    const copied = chunk.copy(this.#payload, this.#payloadBytes, at)
    this.#payloadBytes += copied
    this.#endIfWhole()
    return at + copied
  }

  #endIfWhole(): void {
    const payload = this.#payload!
    if (this.#payloadBytes < payload.length) return
    this.#payload = null
    this.#headerBytes = 0
    this.#onFrame(this.#header[4]!, u32(this.#header, 5), payload)
  }

  #memoryFor(length: number): Buffer {
    if (length >= MOST_KEPT_BYTES) return Buffer.allocUnsafeSlow(length)
    // Always longer than the payload, which else would be taken for the receiver's own.
    if (this.#kept.length <= length) {
      this.#kept = Buffer.allocUnsafeSlow(Math.max(LEAST_KEPT_BYTES, 2 ** Math.ceil(Math.log2(length + 1))))
    }
    return this.#kept.subarray(0, length)
  }

  #payloadLength(bytes: Buffer, at: number): number {
    const length = u32(bytes, at)
    const type = bytes[at + 4]!
    if (
      length < COUNTED_HEADER_BYTES ||
      length > this.#maxBytes ||
      type < this.#lowestType ||
      type > this.#highestType
    ) {
      this.#fail()
    }
    return length - COUNTED_HEADER_BYTES
  }

  #fail(): never {
    throw new FrameError('what came is no frame')
  }
}

function u32(bytes: Buffer, at: number): number {
  return bytes[at]! * 0x1000000 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!)
}
