import { PIECE_BYTES } from './blob.js'
import { ignore, type Maybe } from './maybe.js'
import type { SpillFile } from './spill-file.js'
import type { SpillFolder } from './spill-folder.js'

export interface ShelfPagesOptions {
  readonly folder: SpillFolder
  /** What all pages may take in memory. Default: 8 MiB. */
  readonly memoryBytes?: number | undefined
  /** Size of a page. Default: 256 KiB. */
  readonly pageBytes?: number | undefined
  /** Size of a file of pages. Default: 64 MiB. */
  readonly segmentBytes?: number | undefined
}

interface Page {
  readonly id: number
  /** Null when the page is in its segment. */
  buffer: Buffer | null
  usedBytes: number
  /** How many outputs in it are still waiting. */
  waiting: number
  segment: Segment | null
  position: number
}

interface Segment {
  readonly file: SpillFile
  bytes: number
  /** How many pages in it are still wanted. */
  pages: number
}

const READ_AHEAD_BYTES = 64 * 1024
const GRACE_BYTES = 4 * 1024 * 1024

/**
 * Bytes of waiting outputs, packed into pages. When a page is full and memory is used up, it goes to a segment file:
 * the youngest page, since the oldest are likely to be wanted first. A segment is closed when none of its pages is
 * wanted any more.
 */
export class ShelfPages {
  readonly #folder: SpillFolder
  readonly #memoryLimit: number
  readonly #pageBytes: number
  readonly #segmentBytes: number
  readonly #pages = new Map<number, Page>()
  #memoryBytes = 0
  #lastId = 0
  #current: Page | null = null
  #segment: Segment | null = null
  #spilling: Promise<void> | null = null
  #ahead: { page: number; offset: number; bytes: Buffer } | null = null

  constructor(options: ShelfPagesOptions) {
    this.#folder = options.folder
    this.#memoryLimit = options.memoryBytes ?? 8 * 1024 * 1024
    this.#pageBytes = options.pageBytes ?? 256 * 1024
    this.#segmentBytes = options.segmentBytes ?? 64 * 1024 * 1024
  }

  /** What the pages take in memory. */
  get memoryBytes(): number {
    return this.#memoryBytes
  }

  /** Makes room for so many bytes, in one piece, in `buffer` from `offset`, to be filled at once. */
  reserve(bytes: number): { page: number; buffer: Buffer; offset: number; spilled: Maybe } {
    const spilled = this.#turnPage(bytes)
    const page = this.#current!
    const offset = page.usedBytes
    page.usedBytes += bytes
    page.waiting += 1
    return { page: page.id, buffer: page.buffer!, offset, spilled }
  }

  /** Some of the bytes of a page: a view where it is in memory, else read from its file. */
  read(id: number, offset: number, length: number): Uint8Array | Promise<Uint8Array> {
    const page = this.#pages.get(id)!
    if (page.buffer !== null) return page.buffer.subarray(offset, offset + length)
    const ahead = this.#ahead
    if (ahead?.page === id && ahead.offset <= offset && offset + length <= ahead.offset + ahead.bytes.length) {
      return ahead.bytes.subarray(offset - ahead.offset, offset - ahead.offset + length)
    }
    return this.#readAhead(page, offset, length)
  }

  /** Says that one output in the page is not wanted any more. */
  release(id: number): void {
    const page = this.#pages.get(id)!
    page.waiting -= 1
    if (page.waiting === 0 && page !== this.#current) this.#drop(page)
  }

  /** Ends the current page when the bytes do not fit. The promise is that of a page that goes to a file. */
  #turnPage(bytes: number): Maybe {
    const full = this.#current
    if (full !== null && full.usedBytes + bytes <= full.buffer!.length) return undefined
    const size = Math.max(bytes, this.#pageBytes)
    this.#lastId += 1
    this.#current = {
      id: this.#lastId,
      buffer: Buffer.allocUnsafeSlow(size),
      usedBytes: 0,
      waiting: 0,
      segment: null,
      position: 0,
    }
    this.#pages.set(this.#lastId, this.#current)
    this.#memoryBytes += size
    if (full === null) return undefined
    if (full.waiting === 0) this.#drop(full)
    else if (this.#memoryBytes > this.#memoryLimit) return this.#spill(full)
    return undefined
  }

  #spill(page: Page): Promise<void> {
    const spilled = (this.#spilling ?? Promise.resolve()).then(() => this.#moveToSegment(page))
    const ended = spilled.then(ignore, ignore).then(() => {
      if (this.#spilling === ended) this.#spilling = null
    })
    this.#spilling = ended
    return spilled
  }

  async #moveToSegment(page: Page): Promise<void> {
    if (page.waiting === 0) return
    const segment = await this.#openSegment()
    // Without a descriptor it stays in memory; the next page tries again.
    if (segment === null || page.waiting === 0) return
    const position = segment.bytes
    segment.bytes += page.usedBytes
    segment.pages += 1
    try {
      await segment.file.write([page.buffer!.subarray(0, page.usedBytes)], position)
    } catch (error) {
      this.#leaveSegment(segment)
      throw error
    }
    if (page.waiting === 0) return this.#leaveSegment(segment)
    page.segment = segment
    page.position = position
    this.#memoryBytes -= page.buffer!.length
    page.buffer = null
  }

  async #openSegment(): Promise<Segment | null> {
    if (this.#segment !== null && this.#segment.bytes < this.#segmentBytes) return this.#segment
    const patient = this.#memoryBytes > this.#memoryLimit + GRACE_BYTES
    const file = patient ? await this.#folder.create() : await this.#folder.tryCreate()
    if (file === null) return null
    const full = this.#segment
    this.#segment = { file, bytes: 0, pages: 0 }
    if (full?.pages === 0) full.file.close()
    return this.#segment
  }

  #leaveSegment(segment: Segment): void {
    segment.pages -= 1
    if (segment.pages > 0) return
    if (segment === this.#segment) segment.bytes = 0
    else segment.file.close()
  }

  #drop(page: Page): void {
    this.#pages.delete(page.id)
    if (page.segment !== null) this.#leaveSegment(page.segment)
    else this.#memoryBytes -= page.buffer!.length
  }

  async #readAhead(page: Page, offset: number, length: number): Promise<Uint8Array> {
    const most = Math.min(Math.max(length, READ_AHEAD_BYTES), page.usedBytes - offset)
    const bytes = await page.segment!.file.read(page.position + offset, most)
    if (length < PIECE_BYTES) this.#ahead = { page: page.id, offset, bytes }
    return bytes.subarray(0, length)
  }
}
