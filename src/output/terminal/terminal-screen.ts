import { NEWLINE } from '../bytes.js'
import type { OutputWriter } from '../fd-writer.js'
import type { Maybe } from '../maybe.js'
import { LastLine } from './last-line.js'

/** How a terminal is drawn on: sequences that it obeys. */
export interface Sequences {
  readonly cursorUp: (lines: number) => string
  readonly eraseDown: string
  readonly eraseEndLine: string
  readonly beginSynchronizedOutput: string
  readonly endSynchronizedOutput: string
}

export interface TerminalScreenOptions {
  /** Milliseconds that output may wait while there is a block, so that what comes at once is written at once. Default: 50. */
  readonly gatherMs?: number
  /** The width of the terminal; asked each time. */
  readonly columns: () => number
}

/** So much output does not wait. */
const MOST_WAITING_BYTES = 64 * 1024
/** Whatever colors the output has left on. */
const PLAIN = '\x1b[0m'
/** A terminal may have become narrower since it was asked; what is too long then is cut, and the lines are as many as they are. */
const WRAP = { off: '\x1b[?7l', on: '\x1b[?7h' }

/**
 * A terminal that several print to, with a block of lines below all that. Where there is a block, output is gathered for a moment
 * and written with it, all in one: the block is taken away, the output written, the block drawn again.
 *
 *   all that was printed before
 *   a line that is not ended yet      ◄── belongs to the block while there is one, and is written again in front of what comes
 *  █━━━━━━━━━╸──────────── 52%        ◄── the cursor waits here, so that to take the block away is to erase all from here on,
 *   …                                     whatever the terminal has made of it when its size was changed
 */
export class TerminalScreen implements OutputWriter {
  readonly #writer: OutputWriter
  readonly #columns: () => number
  readonly #gatherMs: number
  readonly #lastLine = new LastLine()
  #sequences: Sequences | null = null
  #block: readonly string[] = []
  #isDrawn = false
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #timer: NodeJS.Timeout | null = null

  constructor(writer: OutputWriter, options: TerminalScreenOptions) {
    this.#writer = writer
    this.#columns = options.columns
    this.#gatherMs = options.gatherMs ?? 50
  }

  get broken(): boolean {
    return this.#writer.broken === true
  }

  get queuedBytes(): number {
    return this.#waitingBytes + (this.#writer.queuedBytes ?? 0)
  }

  write(chunk: Uint8Array | string): Maybe {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    if (bytes.length === 0) return undefined
    if (!this.#isDrawn) {
      this.#lastLine.add(bytes)
      return this.#writer.write(bytes) ?? undefined
    }
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes >= MOST_WAITING_BYTES) return this.#renew()
    this.#timer ??= setTimeout(() => void this.#renew(), this.#gatherMs)
    return undefined
  }

  /** Writes a line that has nothing to do with one that was begun before; that one is ended. */
  writeLine(line: string): Maybe {
    const last = this.#waiting.at(-1)
    const isBegun = last === undefined ? !this.#lastLine.isEmpty : last.at(-1) !== NEWLINE
    return this.write(`${isBegun ? '\n' : ''}${line}\n`)
  }

  async flush(): Promise<void> {
    if (this.#waitingBytes > 0) void this.#renew()
    await this.#writer.flush?.()
  }

  /** Shows these lines from now on, until there are others; none of them may be wider than the terminal. */
  draw(lines: readonly string[], sequences: Sequences): void {
    this.#sequences = sequences
    const isSame = lines.length === this.#block.length && lines.every((line, n) => line === this.#block[n])
    this.#block = lines
    if (this.#isDrawn && isSame && this.#waitingBytes === 0) return
    // A terminal that is held up gets no more than it takes.
    if ((this.#writer.queuedBytes ?? 0) === 0) void this.#renew()
  }

  /** Takes the block away; what is printed from now on is written at once. */
  clear(): Maybe {
    this.#block = []
    return this.#isDrawn ? this.#renew() : undefined
  }

  /** What takes the block away and shows what waits, for who can write only once more. */
  takeAway(): Buffer {
    if (!this.#isDrawn) return Buffer.alloc(0)
    this.#isDrawn = false
    this.#block = []
    const erase = Buffer.from(`\r${this.#sequences!.eraseDown}`)
    return Buffer.concat([erase, this.#lastLine.bytes, ...this.#waiting.splice(0)])
  }

  /** Writes what waits, and the block as it is to be now. */
  #renew(): Maybe {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const parts: Uint8Array[] = []
    if (this.#isDrawn) parts.push(Buffer.from(`\r${this.#sequences!.eraseDown}`), this.#lastLine.bytes)
    for (const chunk of this.#waiting) {
      this.#lastLine.add(chunk)
      parts.push(chunk)
    }
    this.#waiting = []
    this.#waitingBytes = 0
    const block = (this.#writer.queuedBytes ?? 0) === 0 ? this.#drawing() : ''
    this.#isDrawn = block !== ''
    if (block !== '') parts.push(Buffer.from(block))
    const { beginSynchronizedOutput = '', endSynchronizedOutput = '' } = this.#sequences ?? {}
    const all = [Buffer.from(beginSynchronizedOutput), ...parts, Buffer.from(endSynchronizedOutput)]
    return this.#writer.write(Buffer.concat(all)) ?? undefined
  }

  /** Empty where there is nothing to draw, or a line has been begun that cannot be told the end of. */
  #drawing(): string {
    const { width } = this.#lastLine
    if (this.#block.length === 0 || this.#sequences === null || width === null || width >= this.#columns()) return ''
    const { cursorUp, eraseEndLine, eraseDown } = this.#sequences
    const drawn = this.#block.map((line) => `${line}${eraseEndLine}`).join('\r\n')
    const up = this.#block.length - (width === 0 ? 1 : 0)
    const begin = `${PLAIN}${WRAP.off}${width === 0 ? '\r' : '\r\n'}`
    return `${begin}${drawn}${eraseDown}${up === 0 ? '' : cursorUp(up)}\r${WRAP.on}`
  }
}
