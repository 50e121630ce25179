import { InputError } from '../../task/errors.js'
import type { CheckedBlockOptions } from './block-options.js'

const NEWLINE = 0x0a
const FIRST_CAPACITY = 256 * 1024
/** What a pipe holds, if it is not an unusual one. */
const LEAST_ROOM = 64 * 1024

/** @param isOwn - whether the bytes may be kept as they are; else they are only valid until it returns. */
export type MakeBlock<Block> = (header: Buffer, block: Buffer, isOwn: boolean) => Block

/**
 * Cuts bytes that come in chunks into blocks. Where it cuts does not depend on how they come.
 *
 *   #bytes  [ given out | the block that is being gathered … | free ]
 *                       ^ #start                             ^ #end
 */
export class BlockCutter<Block> {
  readonly #options: CheckedBlockOptions
  readonly #source: string
  readonly #make: MakeBlock<Block>
  #header: Buffer | null
  #bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_CAPACITY)
  #start = 0
  #end = 0
  /** Up to here, counted from #start, there is no border that is not known. */
  #searched = 0
  /** Of `records`: how many were found, and where the last one ends. */
  #found = 0
  #border = 0
  readonly #free: Buffer[] = []
  /** Where the {@link room} is that was given last. */
  #roomAt: { readonly bytes: Buffer; readonly end: number } | null = null

  /**
   * @param source - what it comes from, for messages.
   * @param make - makes a block of its bytes.
   */
  constructor(options: CheckedBlockOptions, source: string, make: MakeBlock<Block>) {
    this.#options = options
    this.#source = source
    this.#make = make
    this.#header = options.headerLines === 0 ? Buffer.alloc(0) : null
  }

  /** The blocks that are whole with this chunk. Has to be iterated to its end. @throws InputError for a record that is too long. */
  *push(chunk: Buffer): Generator<Block> {
    this.#append(chunk)
    yield* this.#blocks(false)
  }

  /**
   * Where the next bytes may be put, in place of {@link push}; to be told with {@link filled}, and valid until then. Not while blocks are
   * left to be iterated, which may give the memory to somebody else.
   */
  room(): Buffer {
    if (this.#bytes.length - this.#end < LEAST_ROOM) this.#makeRoom(this.#end - this.#start, LEAST_ROOM)
    this.#roomAt = { bytes: this.#bytes, end: this.#end }
    return this.#bytes.subarray(this.#end)
  }

  /** As {@link push}, for bytes that were put into the {@link room}. */
  *filled(length: number): Generator<Block> {
    const isThere = this.#roomAt?.bytes === this.#bytes && this.#roomAt.end === this.#end
    if (!isThere) throw new Error('the bytes are not where blocks are gathered')
    this.#roomAt = null
    this.#end += length
    yield* this.#blocks(false)
  }

  /**
   * A block that nobody reads any more: others may be gathered in its memory, if that is its own. To have the system make as much new
   * memory costs about as much as to copy it, and to have it found free more than that.
   */
  reuse(block: Buffer): void {
    if (block.buffer.byteLength === this.#bytes.length) this.#free.push(Buffer.from(block.buffer as ArrayBuffer))
  }

  /** What is left when there are no more chunks. */
  *end(): Generator<Block> {
    yield* this.#blocks(true)
    if (this.#header !== null && this.#end > this.#start) yield this.#take(this.#header, this.#end - this.#start)
  }

  *#blocks(isEnd: boolean): Generator<Block> {
    this.#header ??= this.#takeHeader()
    if (this.#header === null) return
    for (;;) {
      const length = this.#options.records === null ? this.#cutBySize(isEnd) : this.#cutByRecords(this.#options.records)
      if (length < 0) return
      yield this.#take(this.#header, length)
    }
  }

  #takeHeader(): Buffer | null {
    const held = this.#held
    while (this.#found < this.#options.headerLines) {
      const at = held.indexOf(NEWLINE, this.#searched)
      if (at < 0) {
        this.#searched = held.length
        this.#checkLength(held.length, this.#options.maxRecordBytes, 'the header')
        return null
      }
      this.#searched = at + 1
      this.#found += 1
    }
    const header = Buffer.from(held.subarray(0, this.#searched))
    this.#start += header.length
    this.#reset()
    return header
  }

  #cutBySize(isEnd: boolean): number {
    const { borders, blockBytes, maxRecordBytes } = this.#options
    const held = this.#held
    if (held.length < blockBytes + (isEnd ? 1 : Math.max(1, borders.startLength))) return -1
    // Not again for a record of which only more has come.
    if (this.#searched === 0) {
      const last = borders.last(held, blockBytes)
      if (last > 0) return last
    }
    const next = borders.next(held, 0, Math.max(blockBytes, this.#searched))
    if (next > 0) return next
    this.#searched = Math.max(blockBytes, held.length - borders.startLength)
    this.#checkLength(held.length, blockBytes + maxRecordBytes, 'a record')
    return -1
  }

  #cutByRecords(records: number): number {
    const { borders, maxRecordBytes } = this.#options
    const held = this.#held
    while (this.#found < records) {
      const next = borders.next(held, this.#border, Math.max(this.#border, this.#searched))
      if (next < 0) {
        this.#searched = Math.max(this.#border, held.length - borders.startLength)
        this.#checkLength(held.length, maxRecordBytes, records === 1 ? 'a record' : `a block of ${records} records`)
        return -1
      }
      this.#border = next
      this.#found += 1
    }
    return this.#border
  }

  #checkLength(length: number, most: number, what: string): void {
    if (length <= most) return
    throw new InputError(
      { source: this.#source },
      `${what} is longer than ${most} bytes; is that where records end? See --recend and --recstart, or raise the limit with --max-line`,
    )
  }

  get #held(): Buffer {
    return this.#bytes.subarray(this.#start, this.#end)
  }

  #take(header: Buffer, length: number): Block {
    const bytes = this.#bytes.subarray(this.#start, this.#start + length)
    // To give away all that was gathered costs less than to copy most of it.
    const isOwn = length > this.#bytes.length / 2
    this.#start += length
    this.#reset()
    if (isOwn) this.#makeRoom(this.#end - this.#start, 0, this.#otherBytes())
    return this.#make(header, bytes, isOwn)
  }

  #otherBytes(): Buffer {
    const { length } = this.#bytes
    for (let free = this.#free.pop(); free !== undefined; free = this.#free.pop())
      if (free.length === length) return free
    return Buffer.allocUnsafeSlow(length)
  }

  #reset(): void {
    this.#searched = 0
    this.#found = 0
    this.#border = 0
  }

  #append(chunk: Buffer): void {
    const length = this.#end - this.#start
    // What is left of the last chunk goes to the front while it is little, and not when it has become a block.
    const isLittle = this.#start > 0 && length <= chunk.length
    if (isLittle || this.#end + chunk.length > this.#bytes.length) this.#makeRoom(length, chunk.length)
    chunk.copy(this.#bytes, this.#end)
    this.#end += chunk.length
  }

  #makeRoom(length: number, more: number, other: Buffer = this.#bytes): void {
    const capacity = this.#bytes.length
    const needed = length + more
    const target = needed > capacity ? Buffer.allocUnsafeSlow(Math.max(needed, capacity * 2)) : other
    this.#bytes.copy(target, 0, this.#start, this.#end)
    this.#bytes = target
    this.#start = 0
    this.#end = length
  }
}
