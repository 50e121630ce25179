import { withoutCutEnd } from './character-cuts.js'

/** Lines that wait for their reader, in bytes, before the child is made to wait. */
const HIGH_WATER_BYTES = 256 * 1024
/** A line longer than this is given in pieces, so that output without line ends cannot fill the memory. */
const MAX_LINE_BYTES = 64 * 1024 * 1024

type Line = string | Buffer

/**
 * One stream of a process, line by line. The child waits while a reader is behind by more than 256 KiB. A reader that
 * comes late begins with what was kept of the stream so far. Lines come without their line end (`\n`, and `\r\n` for text).
 */
export class OutputLines<L extends Line> implements AsyncIterable<L> {
  readonly #readers = new Set<LineReader<L>>()
  readonly #sofar: () => Buffer
  readonly #asText: boolean
  #ended = false

  /** @param sofar - what the stream printed before a reader came. */
  constructor(asText: boolean, sofar: () => Buffer) {
    this.#asText = asText
    this.#sofar = sofar
  }

  push(chunk: Buffer): void | Promise<void> {
    let room: Promise<unknown> | undefined
    for (const reader of this.#readers) {
      const its = reader.push(chunk)
      room = room === undefined ? its : Promise.all([room, its])
    }
    return room?.then(() => {})
  }

  end(): void {
    this.#ended = true
    for (const reader of this.#readers) reader.end()
  }

  [Symbol.asyncIterator](): AsyncIterator<L, undefined> {
    const reader = new LineReader<L>(this.#asText, () => this.#readers.delete(reader))
    this.#readers.add(reader)
    void reader.push(this.#sofar())
    if (this.#ended) reader.end()
    return reader
  }
}

class LineReader<L extends Line> implements AsyncIterator<L, undefined> {
  readonly #asText: boolean
  readonly #onReturn: () => void
  #lines: Line[] = []
  #taken = 0
  #waitingBytes = 0
  #partial: Buffer[] = []
  #partialBytes = 0
  #ended = false
  /** Who asked for a line before there was one. */
  #askers: ((step: IteratorResult<L, undefined>) => void)[] = []
  #onRoom: (() => void) | null = null
  #room: Promise<void> | null = null

  constructor(asText: boolean, onReturn: () => void) {
    this.#asText = asText
    this.#onReturn = onReturn
  }

  push(chunk: Buffer): Promise<void> | undefined {
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      this.#takeLine(chunk, start, end)
      start = end + 1
    }
    if (start < chunk.length) {
      this.#addToPartial(chunk.subarray(start))
      if (this.#partialBytes >= MAX_LINE_BYTES) this.#givePiece()
    }
    if (this.#waitingBytes < HIGH_WATER_BYTES) return undefined
    this.#room ??= new Promise((resolve) => {
      this.#onRoom = resolve
    })
    return this.#room
  }

  end(): void {
    if (this.#partialBytes > 0) this.#completeLine()
    this.#ended = true
    for (const answer of this.#askers.splice(0)) answer({ done: true, value: undefined })
  }

  async next(): Promise<IteratorResult<L, undefined>> {
    if (this.#taken === this.#lines.length) {
      if (this.#ended) return { done: true, value: undefined }
      return new Promise((resolve) => this.#askers.push(resolve))
    }
    const value = this.#lines[this.#taken] as L
    this.#lines[this.#taken++] = ''
    if (this.#taken === this.#lines.length) {
      this.#lines = []
      this.#taken = 0
    }
    this.#waitingBytes -= value.length + 1
    if (this.#waitingBytes < HIGH_WATER_BYTES) this.#makeRoom()
    return { done: false, value }
  }

  async return(): Promise<IteratorResult<L, undefined>> {
    this.#onReturn()
    this.#partial = []
    this.#partialBytes = 0
    this.#lines = []
    this.#taken = 0
    this.end()
    this.#makeRoom()
    return { done: true, value: undefined }
  }

  #addToPartial(bytes: Buffer): void {
    this.#partial.push(bytes)
    this.#partialBytes += bytes.length
  }

  #takePartial(): Buffer {
    const bytes = this.#partial.length === 1 ? this.#partial[0]! : Buffer.concat(this.#partial, this.#partialBytes)
    this.#partial = []
    this.#partialBytes = 0
    return bytes
  }

  #takeLine(chunk: Buffer, start: number, end: number): void {
    // Most lines lie in one chunk: text is made of it right there, without a Buffer in between.
    if (this.#asText && this.#partialBytes === 0) return this.#give(textOfLine(chunk, start, end))
    this.#addToPartial(chunk.subarray(start, end))
    this.#completeLine()
  }

  #completeLine(): void {
    const bytes = this.#takePartial()
    this.#give(this.#asText ? textOfLine(bytes, 0, bytes.length) : bytes)
  }

  /** Gives what there is of a line that is too long to wait for its end. */
  #givePiece(): void {
    const bytes = this.#takePartial()
    if (!this.#asText) return this.#give(bytes)
    const whole = withoutCutEnd(bytes)
    if (whole.length < bytes.length) this.#addToPartial(bytes.subarray(whole.length))
    this.#give(whole.toString())
  }

  #give(line: Line): void {
    const answer = this.#askers.shift()
    if (answer !== undefined) return answer({ done: false, value: line as L })
    this.#lines.push(line)
    this.#waitingBytes += line.length + 1
  }

  #makeRoom(): void {
    this.#onRoom?.()
    this.#onRoom = null
    this.#room = null
  }
}

function textOfLine(bytes: Buffer, start: number, end: number): string {
  const last = end > start && bytes[end - 1] === 13 ? end - 1 : end
  return bytes.toString('utf8', start, last)
}
