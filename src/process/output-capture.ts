import { isAscii, isUtf8 } from 'node:buffer'
import { withoutCutEnd, withoutCutStart } from './character-cuts.js'

/** Chunks smaller than this are copied together, so that a child that prints byte by byte costs no memory beyond its bytes. */
const SMALL_CHUNK = 4096
const BLOCK = 65_536
/** Up to here chunks are kept as they came; beyond, all is kept in one store. */
const LIST_BYTES = 512 * 1024
/** By how much the store grows at a time. */
const GROWTH_BYTES = 1024 * 1024

/**
 * Keeps what a stream prints, up to a limit: all of it, or else the beginning and the end, half of the limit each. Counts
 * everything.
 */
export class OutputCapture {
  readonly #limit: number
  #total = 0
  #elsewhere = 0
  #list: ChunkList | null = new ChunkList()
  #store: HeadAndTail | null = null

  /** @param limit - bytes kept at the most; 0 keeps nothing. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Bytes that came, kept or not. */
  get total(): number {
    return this.#total
  }

  get truncated(): boolean {
    return this.#total > this.#limit || this.#elsewhere > 0
  }

  /** Counts what went elsewhere or was dropped on the way, of which nothing is kept. */
  count(bytes: number): void {
    this.#total += bytes
    this.#elsewhere += bytes
  }

  append(chunk: Buffer): void {
    this.#total += chunk.length
    if (this.#limit === 0) return
    if (this.#list !== null && this.#total <= Math.min(this.#limit, LIST_BYTES)) return this.#list.append(chunk)
    this.#store ??= this.#makeStore()
    this.#store.append(chunk)
  }

  /**
   * What was kept, as bytes: the beginning directly followed by the end where the middle is missing, cut between characters
   * where it is UTF-8. They may change when more is appended.
   */
  bytes(): Buffer {
    const { head, tail, whole } = this.#halves()
    return head.length + tail.length === whole.length ? whole : Buffer.concat([head, tail])
  }

  /** What was kept, as text. Bytes that are not UTF-8 become U+FFFD, and are then given as base64 too. */
  text(): { text: string; base64?: string } {
    const { head, tail, whole, isText } = this.#halves()
    if (!isText) return { text: whole.toString(), base64: whole.toString('base64') }
    return { text: tail.length === 0 ? toText(head) : toText(head) + toText(tail) }
  }

  #halves(): { head: Buffer; tail: Buffer; whole: Buffer; isText: boolean } {
    const whole = this.#kept()
    if (!this.truncated) return { head: whole, tail: EMPTY, whole, isText: isUtf8(whole) }
    const headLimit = headLimitOf(this.#limit)
    const [head, tail] = [withoutCutEnd(whole.subarray(0, headLimit)), withoutCutStart(whole.subarray(headLimit))]
    if (isUtf8(head) && isUtf8(tail)) return { head, tail, whole, isText: true }
    return { head: whole, tail: EMPTY, whole, isText: false }
  }

  #kept(): Buffer {
    if (this.#store !== null) return this.#store.bytes()
    const chunks = this.#list?.chunks() ?? []
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  }

  /** Gives the memory back; what {@link bytes} gave is empty then. */
  release(): void {
    this.#list = null
    this.#store?.release()
    this.#store = null
  }

  #makeStore(): HeadAndTail {
    const store = new HeadAndTail(this.#limit)
    for (const chunk of this.#list?.chunks() ?? []) store.append(chunk)
    this.#list = null
    return store
  }
}

const EMPTY: Buffer = Buffer.alloc(0)

function headLimitOf(limit: number): number {
  return Math.ceil(limit / 2)
}

/** Chunks in a row; small ones are copied together. */
class ChunkList {
  readonly #chunks: Buffer[] = []
  #block: Buffer | null = null
  #blockUsed = 0

  chunks(): readonly Buffer[] {
    this.#closeBlock()
    return this.#chunks
  }

  append(chunk: Buffer): void {
    // The only chunk of most tasks is not copied either.
    if (chunk.length >= SMALL_CHUNK || (this.#chunks.length === 0 && this.#block === null)) {
      this.#closeBlock()
      this.#chunks.push(chunk)
      return
    }
    for (let offset = 0; offset < chunk.length; ) {
      if (this.#block === null) {
        this.#block = Buffer.allocUnsafeSlow(this.#chunks.length > 2 ? BLOCK : SMALL_CHUNK)
        this.#blockUsed = 0
      }
      const copied = chunk.copy(this.#block, this.#blockUsed, offset)
      this.#blockUsed += copied
      offset += copied
      if (this.#blockUsed === this.#block.length) this.#closeBlock()
    }
  }

  #closeBlock(): void {
    if (this.#block !== null) this.#chunks.push(this.#block.subarray(0, this.#blockUsed))
    this.#block = null
  }
}

/**
 * Bytes in one piece of memory that grows in place and is given back at once, since megabytes that wait for the garbage
 * collection would be there twice. It is filled from the front; when it is full its second half becomes a ring:
 *
 *   [ head, the first limit/2 bytes | tail: … newest ▼ oldest … ]
 */
class HeadAndTail {
  readonly #limit: number
  readonly #headLimit: number
  readonly #memory: ResizableArrayBuffer
  /** All of the memory; made anew when that grows. */
  #view: Buffer = EMPTY
  #used = 0
  /** Where the oldest byte of the ring is. */
  #oldest: number

  constructor(limit: number) {
    this.#limit = limit
    this.#headLimit = headLimitOf(limit)
    this.#oldest = this.#headLimit
    this.#memory = new ResizableArrayBuffer(0, { maxByteLength: limit })
  }

  bytes(): Buffer {
    this.#straighten()
    return this.#view.subarray(0, this.#used)
  }

  release(): void {
    this.#used = 0
    this.#memory.resize(0)
  }

  append(chunk: Buffer): void {
    const straight = Math.min(chunk.length, this.#limit - this.#used)
    if (straight > 0) {
      this.#growTo(this.#used + straight)
      this.#used += chunk.copy(this.#view, this.#used, 0, straight)
    }
    if (straight < chunk.length) this.#overwrite(chunk.subarray(straight))
  }

  #overwrite(newer: Buffer): void {
    const size = this.#limit - this.#headLimit
    if (size === 0) return
    const part = newer.length > size ? newer.subarray(newer.length - size) : newer
    const copied = part.copy(this.#view, this.#oldest)
    if (copied < part.length) part.copy(this.#view, this.#headLimit, copied)
    this.#oldest = this.#headLimit + ((this.#oldest - this.#headLimit + part.length) % size)
  }

  /** Turns the ring so that its oldest byte is the first. */
  #straighten(): void {
    if (this.#oldest === this.#headLimit) return
    const ring = this.#view.subarray(this.#headLimit, this.#limit)
    const newest = Buffer.from(this.#view.subarray(this.#headLimit, this.#oldest))
    ring.copyWithin(0, newest.length)
    newest.copy(ring, ring.length - newest.length)
    this.#oldest = this.#headLimit
  }

  #growTo(bytes: number): void {
    if (bytes <= this.#memory.byteLength) return
    this.#memory.resize(Math.min(this.#limit, Math.ceil(bytes / GROWTH_BYTES) * GROWTH_BYTES))
    this.#view = Buffer.from(this.#memory, 0, this.#memory.byteLength)
  }
}

/** The part of ES2024 that Node 20 has, and the library of types for it has not yet. */
type ResizableArrayBuffer = ArrayBuffer & { resize(bytes: number): void }
const ResizableArrayBuffer = ArrayBuffer as unknown as new (
  bytes: number,
  options: { maxByteLength: number },
) => ResizableArrayBuffer

/** Node keeps large strings that were read as latin1 outside of the heap, and does not copy them about there. */
function toText(bytes: Buffer): string {
  return isAscii(bytes) ? bytes.toString('latin1') : bytes.toString()
}
