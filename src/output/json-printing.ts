import type { Result } from '../task/result.js'
import { MemoryBlob, type TaskOutput } from './blob.js'
import type { Maybe } from './maybe.js'
import type { Outlet } from './outlet.js'
import { resultLine } from './result-json.js'

/** Prints results, in place of what the tasks print: one a line, or the elements of an {@link ArrayOutlet}. */
export class JsonPrinting {
  readonly #form: 'lines' | 'array'
  readonly #outlet: Outlet
  readonly #finish: (index: number, output: TaskOutput) => Maybe

  constructor(form: 'lines' | 'array', outlet: Outlet, finish: (index: number, output: TaskOutput) => Maybe) {
    this.#form = form
    this.#outlet = outlet
    this.#finish = finish
  }

  output(): undefined {
    return undefined
  }

  result(result: Result): Maybe {
    if (this.#outlet.broken) return this.#finish(result.index, { stdout: null, stderr: null })
    const line = Buffer.from(this.#form === 'lines' ? `${resultLine(result)}\n` : resultLine(result))
    return this.#finish(result.index, { stdout: new MemoryBlob(line), stderr: null })
  }

  discard(): void {}
}
