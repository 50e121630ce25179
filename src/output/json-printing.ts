import type { Result } from '../task/result.js'
import { resultLine, resultPieces } from '../task/result-json.js'
import { MemoryBlob, type TaskOutput } from './blob.js'
import type { Maybe } from './maybe.js'
import type { Outlet } from './outlet.js'
import { TaskBuffer, type TaskBufferOptions } from './task-buffer.js'

/** A result with more output than this is made into JSON piece by piece. */
const LARGE_OUTPUT = 256 * 1024

/** Prints results, in place of what the tasks print: one a line, or the elements of an {@link ArrayOutlet}. */
export class JsonPrinting {
  readonly #form: 'lines' | 'array'
  readonly #outlet: Outlet
  readonly #finish: (index: number, output: TaskOutput) => Maybe

  readonly #buffer: TaskBufferOptions

  constructor(
    form: 'lines' | 'array',
    outlet: Outlet,
    buffer: TaskBufferOptions,
    finish: (index: number, output: TaskOutput) => Maybe,
  ) {
    this.#form = form
    this.#outlet = outlet
    this.#buffer = buffer
    this.#finish = finish
  }

  output(): undefined {
    return undefined
  }

  result(result: Result | Result<Buffer>): Maybe {
    if (this.#outlet.broken) return this.#finish(result.index, { stdout: null, stderr: null })
    if (result.stdout.length + result.stderr.length > LARGE_OUTPUT) return this.#largeResult(result)
    const line = Buffer.from(this.#form === 'lines' ? `${resultLine(result)}\n` : resultLine(result))
    return this.#finish(result.index, { stdout: new MemoryBlob(line), stderr: null })
  }

  async #largeResult(result: Result | Result<Buffer>): Promise<void> {
    const json = new TaskBuffer(this.#buffer)
    for (const piece of resultPieces(result)) await json.append(Buffer.from(piece))
    if (this.#form === 'lines') await json.append(Buffer.from('\n'))
    await this.#finish(result.index, { stdout: json, stderr: null })
  }

  discard(): void {}
}
