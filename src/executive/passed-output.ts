import type { OutputStream } from '../launcher/port.js'

/** A line that is longer is passed on in pieces. */
const LONGEST_LINE = 65_536
const NEWLINE = Buffer.from('\n')

interface Line {
  readonly pieces: Buffer[]
  bytes: number
}

/** Passes on what processes print, line by line, so that those of several are not mixed within a line. */
export class PassedOutput {
  readonly #write: (stream: OutputStream, bytes: Buffer) => void
  /** Lines that have begun, by process and stream. */
  readonly #begun = new Map<string, Line>()

  constructor(write: (stream: OutputStream, bytes: Buffer) => void = writeToOwn) {
    this.#write = write
  }

  print(pid: number | null, stream: OutputStream, chunk: Buffer): void {
    const key = `${pid} ${stream}`
    const end = chunk.lastIndexOf(10) + 1
    if (end > 0) {
      const begun = this.#begun.get(key)
      this.#begun.delete(key)
      const whole = chunk.subarray(0, end)
      this.#write(stream, begun === undefined ? whole : Buffer.concat([...begun.pieces, whole]))
    }
    if (end < chunk.length) this.#begin(key, stream, chunk.subarray(end))
  }

  /** What the process printed last is a whole line, whether it ended it or not. */
  endLines(pid: number | null): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      const key = `${pid} ${stream}`
      const begun = this.#begun.get(key)
      this.#begun.delete(key)
      if (begun !== undefined) this.#write(stream, Buffer.concat([...begun.pieces, NEWLINE]))
    }
  }

  #begin(key: string, stream: OutputStream, piece: Buffer): void {
    const line = this.#begun.get(key) ?? { pieces: [], bytes: 0 }
    line.pieces.push(piece)
    line.bytes += piece.length
    this.#begun.set(key, line)
    if (line.bytes < LONGEST_LINE) return
    this.#begun.delete(key)
    this.#write(stream, Buffer.concat(line.pieces))
  }
}

function writeToOwn(stream: OutputStream, bytes: Buffer): void {
  process[stream].write(bytes)
}
