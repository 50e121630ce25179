import { packRows } from '../page-file.js'
import type { ReportRow } from '../rows.js'

/** Rows of a piece. The one that is not full is sent again and again, so that it is to be small. */
const PIECE_ROWS = 2_048
const MOST_BYTES = 64 * 1024 * 1024
/** So that an answer is there soon, and many browsers at once take no more memory than a few. */
const MOST_ANSWER_BYTES = 4 * 1024 * 1024

/** What is new to a page. */
export interface NewPieces {
  readonly sealed: readonly Buffer[]
  readonly open: Buffer | null
  readonly hasMore: boolean
}

/**
 * The rows of a run that goes on, in pieces that are compressed when they are full: some 20 bytes a row. There is a limit for all of them
 * together; rows that come later are only counted.
 */
export class RowStore {
  readonly #mostBytes: number
  readonly #sealed: Promise<Buffer>[] = []
  #bytes = 0
  #rows: ReportRow[] = []
  #open: { readonly count: number; readonly packed: Promise<Buffer> } | null = null
  #leftOut = 0

  constructor(mostBytes = MOST_BYTES) {
    this.#mostBytes = mostBytes
  }

  /** Rows that were not kept, since there were too many. */
  get leftOut(): number {
    return this.#leftOut
  }

  add(row: ReportRow): void {
    if (this.#bytes >= this.#mostBytes) {
      this.#leftOut += 1
      return
    }
    this.#rows.push(row)
    if (this.#rows.length === PIECE_ROWS) this.#seal()
  }

  /** The pieces from a place on, as many as an answer may hold. */
  async from(place: number): Promise<NewPieces> {
    const open = this.#packedOpen()
    const end = this.#sealed.length
    const sealed: Buffer[] = []
    for (let bytes = 0, at = place; at < end && bytes < MOST_ANSWER_BYTES; at++) {
      const piece = await this.#sealed[at]!
      sealed.push(piece)
      bytes += piece.length
    }
    const hasMore = place + sealed.length < end
    return { sealed, open: hasMore ? null : await open, hasMore }
  }

  /** Compressed once for all who ask. */
  #packedOpen(): Promise<Buffer> | null {
    if (this.#rows.length === 0) return null
    if (this.#open?.count !== this.#rows.length) this.#open = { count: this.#rows.length, packed: packRows(this.#rows) }
    return this.#open.packed
  }

  #seal(): void {
    const packed = packRows(this.#rows)
    this.#sealed.push(packed)
    this.#rows = []
    this.#open = null
    void packed.then(({ length }) => {
      this.#bytes += length
    })
  }
}
