import { NEWLINE } from './bytes.js'

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** A label as it stands in front of a line: control characters are shown escaped, as in `\n` and `\x1b`. */
export function labelText(label: string): string {
  return label.replace(/[\x00-\x1f\x7f-\x9f]/g, (character) => {
    return NAMED[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}

/** Puts `label` and a tab in front of each line of a stream of bytes that comes in pieces. */
export class LineTagger {
  readonly #prefix: Buffer
  #atLineStart = true

  constructor(label: string) {
    this.#prefix = Buffer.from(`${labelText(label)}\t`)
  }

  /** The piece with its lines tagged; a line that an earlier piece began is not tagged again. */
  tag(chunk: Uint8Array): Uint8Array {
    const starts = this.#lineStarts(chunk)
    if (chunk.length > 0) this.#atLineStart = chunk[chunk.length - 1] === NEWLINE
    const tagged = Buffer.allocUnsafe(chunk.length + starts.length * this.#prefix.length)
    let read = 0
    let written = 0
    for (const start of starts) {
      tagged.set(chunk.subarray(read, start), written)
      written += start - read
      tagged.set(this.#prefix, written)
      written += this.#prefix.length
      read = start
    }
    tagged.set(chunk.subarray(read), written)
    return tagged
  }

  #lineStarts(chunk: Uint8Array): number[] {
    const starts = this.#atLineStart && chunk.length > 0 ? [0] : []
    for (let at = chunk.indexOf(NEWLINE); at !== -1 && at + 1 < chunk.length; at = chunk.indexOf(NEWLINE, at + 1)) {
      starts.push(at + 1)
    }
    return starts
  }
}
