import type { Attempt, Result } from '../task/result.js'
import { resultLine, resultPieces } from '../task/result-json.js'
import type { OutputWriter } from './fd-writer.js'
import type { MaybeVoid } from './maybe.js'

/** Prints results one after the other, in one form or another. A promise is backpressure: wait for it. */
export interface ResultPrinter {
  print(record: Result | Attempt): MaybeVoid
  /** Prints what has been held back. */
  end(): MaybeVoid
}

/** A result with more output than this is made into JSON piece by piece. */
const LARGE_OUTPUT = 256 * 1024

/** Prints results as JSON, one a line. */
export class JsonLines implements ResultPrinter {
  readonly #writer: OutputWriter

  constructor(writer: OutputWriter) {
    this.#writer = writer
  }

  print(record: Result | Attempt): MaybeVoid {
    if (record.stdout.length + record.stderr.length > LARGE_OUTPUT) return this.#printPieces(record)
    return this.#writer.write(`${resultLine(record)}\n`)
  }

  end(): void {}

  async #printPieces(record: Result | Attempt): Promise<void> {
    for (const piece of resultPieces(record)) await this.#writer.write(piece)
    await this.#writer.write('\n')
  }
}
