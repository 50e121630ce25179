import { isUtf8 } from 'node:buffer'

/** Chunks smaller than this are copied together, so that a child that prints byte by byte costs no memory beyond its bytes. */
const SMALL_CHUNK = 4096
const BLOCK = 65_536

/**
 * Keeps what a stream prints, up to a limit: all of it, or else the beginning and the end, half of the limit each. Counts
 * everything.
 */
export class OutputCapture {
  readonly #limit: number
  #total = 0
  #head: Buffer[] = []
  #headBytes = 0
  #block: Buffer | null = null
  #blockUsed = 0
  #tail: TailRing | null = null

  /** @param limit - bytes kept at the most; 0 keeps nothing. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Bytes that came, kept or not. */
  get total(): number {
    return this.#total
  }

  get truncated(): boolean {
    return this.#total > this.#limit
  }

  append(chunk: Buffer): void {
    this.#total += chunk.length
    if (this.#limit === 0) return
    if (this.#tail !== null) return this.#tail.append(chunk)
    if (this.#headBytes + chunk.length <= this.#limit) return this.#keep(chunk)
    this.#beginTail(chunk)
  }

  /** What was kept, as bytes: the beginning directly followed by the end where the middle is missing. */
  bytes(): Buffer {
    const head = Buffer.concat(this.#pieces(), this.#headBytes)
    return this.#tail === null ? head : Buffer.concat([head, this.#tail.bytes()])
  }

  /**
   * What was kept, as text; cut between characters. Bytes that are not UTF-8 become U+FFFD, and are then given as base64
   * too.
   */
  text(): { text: string; base64?: string } {
    if (this.#headBytes === 0) return { text: '' }
    if (this.#tail === null) return decode(Buffer.concat(this.#pieces(), this.#headBytes))
    const head = withoutCutEnd(Buffer.concat(this.#pieces(), this.#headBytes))
    const tail = withoutCutStart(this.#tail.bytes())
    if (isUtf8(head) && isUtf8(tail)) return { text: head.toString() + tail.toString() }
    return decode(Buffer.concat([head, tail]))
  }

  /** Gives the memory back. */
  release(): void {
    this.#head = []
    this.#block = null
    this.#tail = null
    this.#headBytes = 0
  }

  #keep(chunk: Buffer): void {
    this.#headBytes += chunk.length
    if (chunk.length >= SMALL_CHUNK) {
      this.#closeBlock()
      this.#head.push(chunk)
      return
    }
    if (this.#headBytes === chunk.length) {
      // The only chunk of most tasks: no copy.
      this.#head.push(chunk)
      return
    }
    let offset = 0
    while (offset < chunk.length) {
      if (this.#block === null) {
        this.#block = Buffer.allocUnsafeSlow(Math.min(BLOCK, Math.max(SMALL_CHUNK, this.#headBytes)))
        this.#blockUsed = 0
      }
      const copied = chunk.copy(this.#block, this.#blockUsed, offset)
      this.#blockUsed += copied
      offset += copied
      if (this.#blockUsed === this.#block.length) this.#closeBlock()
    }
  }

  #closeBlock(): void {
    if (this.#block !== null) this.#head.push(this.#block.subarray(0, this.#blockUsed))
    this.#block = null
  }

  #pieces(): Buffer[] {
    this.#closeBlock()
    return this.#head
  }

  #beginTail(chunk: Buffer): void {
    const headLimit = Math.ceil(this.#limit / 2)
    const kept = [...this.#pieces(), chunk]
    this.#head = []
    this.#headBytes = 0
    this.#tail = new TailRing(this.#limit - headLimit)
    for (const piece of kept) {
      const forHead = Math.min(piece.length, headLimit - this.#headBytes)
      if (forHead > 0) {
        this.#head.push(piece.subarray(0, forHead))
        this.#headBytes += forHead
      }
      if (forHead < piece.length) this.#tail.append(piece.subarray(forHead))
    }
  }
}

/** The last bytes of a stream, in a ring of fixed size. */
class TailRing {
  readonly #ring: Buffer
  #next = 0
  #full = false

  constructor(size: number) {
    this.#ring = Buffer.allocUnsafeSlow(size)
  }

  append(chunk: Buffer): void {
    const size = this.#ring.length
    if (size === 0) return
    const part = chunk.length > size ? chunk.subarray(chunk.length - size) : chunk
    const first = part.copy(this.#ring, this.#next)
    if (first < part.length) part.copy(this.#ring, 0, first)
    if (this.#next + part.length >= size) this.#full = true
    this.#next = (this.#next + part.length) % size
  }

  bytes(): Buffer {
    if (!this.#full) return this.#ring.subarray(0, this.#next)
    return Buffer.concat([this.#ring.subarray(this.#next), this.#ring.subarray(0, this.#next)])
  }
}

function decode(bytes: Buffer): { text: string; base64?: string } {
  return isUtf8(bytes) ? { text: bytes.toString() } : { text: bytes.toString(), base64: bytes.toString('base64') }
}

const isContinuation = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80

/** Drops the beginning of a character at the end, if the rest of it was cut off. */
function withoutCutEnd(bytes: Buffer): Buffer {
  let start = bytes.length - 1
  while (start >= 0 && start > bytes.length - 4 && isContinuation(bytes[start])) start -= 1
  const lead = bytes[start] ?? 0
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
  return start + length > bytes.length ? bytes.subarray(0, start) : bytes
}

/** Drops the rest of a character at the start, if its beginning was cut off. */
function withoutCutStart(bytes: Buffer): Buffer {
  let start = 0
  while (start < 3 && isContinuation(bytes[start])) start += 1
  return bytes.subarray(start)
}
