import { printable } from '../output/printable.js'

const KEPT_BYTES = 8192

/** The last bytes of a stream, for messages. */
export class OutputTail {
  readonly #ring = Buffer.alloc(2 * KEPT_BYTES)
  #used = 0

  append(chunk: Buffer): void {
    const end = chunk.length > KEPT_BYTES ? chunk.subarray(chunk.length - KEPT_BYTES) : chunk
    if (this.#used + end.length > this.#ring.length) {
      this.#ring.copyWithin(0, this.#used - KEPT_BYTES, this.#used)
      this.#used = KEPT_BYTES
    }
    this.#used += end.copy(this.#ring, this.#used)
  }

  text(): string {
    return this.#ring.toString('utf8', Math.max(0, this.#used - KEPT_BYTES), this.#used)
  }
}

/** The line of a tail that tells most about a failure: the last that names an error, or else the last. */
export function tellingLine(tail: string): string {
  const lines = writtenLines(tail)
  return shortLine(lines.findLast(namesError) ?? lines.at(-1))
}

/** Of what was written where an answer belonged: the first line that names an error, or else the first. */
export function openingLine(beginning: string): string {
  const lines = writtenLines(beginning)
  return shortLine(lines.find(namesError) ?? lines[0])
}

function writtenLines(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '')
}

function namesError(line: string): boolean {
  return /error|exception|fatal/i.test(line) && !/^at /.test(line)
}

function shortLine(line = ''): string {
  const shown = printable(line)
  return shown.length > 200 ? `${shown.slice(0, 197)}...` : shown
}
