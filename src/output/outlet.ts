import { moveBlob, type TaskOutput } from './blob.js'
import { NEWLINE } from './bytes.js'
import type { OutputWriter } from './fd-writer.js'
import { after, type Maybe } from './maybe.js'

/** The two places that a run prints to. */
export interface Outlets {
  readonly stdout: Outlet
  readonly stderr: Outlet
}

/** A writer that knows whose output begins and how the last one ended. This one passes bytes exactly as they are. */
export class Outlet implements OutputWriter {
  readonly #writer: OutputWriter
  #isMidLine = false

  constructor(writer: OutputWriter) {
    this.#writer = writer
  }

  get broken(): boolean {
    return this.#writer.broken === true
  }

  /** Whether what was printed last did not end its line. */
  get isMidLine(): boolean {
    return this.#isMidLine && !this.broken
  }

  /** To be called before output of the task with this index, when some other output came before. */
  begin(_index: number): Maybe {
    return undefined
  }

  write(chunk: Uint8Array | string): Maybe {
    if (chunk.length > 0) this.#isMidLine = chunk.at(-1) !== NEWLINE && chunk.at(-1) !== '\n'
    return this.#writer.write(chunk) ?? undefined
  }

  /** Writes what belongs after all output. */
  end(): Maybe {
    return undefined
  }

  async flush(): Promise<void> {
    await this.#writer.flush?.()
  }
}

/** Ends the line that one task left open before another task's output follows, so that lines never join. */
export class LineOutlet extends Outlet {
  #index = -1

  override begin(index: number): Maybe {
    return after(super.begin(index), () => {
      const joins = this.isMidLine && index !== this.#index
      this.#index = index
      return joins ? this.write('\n') : undefined
    })
  }
}

/** Writes a JSON array: what is printed for each task is one element. */
export class ArrayOutlet extends Outlet {
  #isEmpty = true

  override begin(index: number): Maybe {
    return after(super.begin(index), () => {
      const separator = this.#isEmpty ? '[\n' : ',\n'
      this.#isEmpty = false
      return this.write(separator)
    })
  }

  override end(): Maybe {
    return this.write(this.#isEmpty ? '[]\n' : '\n]\n')
  }
}

/** Prints all of a task's output, standard output first, and gives back what it was kept in. */
export function printOutput(index: number, output: TaskOutput, outlets: Outlets): Maybe {
  const printed = printPart(index, output.stdout, outlets.stdout)
  // A part that could not be read is no reason to keep back the other one.
  if (printed === undefined) return printPart(index, output.stderr, outlets.stderr)
  return printed.finally(() => printPart(index, output.stderr, outlets.stderr))
}

function printPart(index: number, part: TaskOutput['stdout'], outlet: Outlet): Maybe {
  if (part === null) return undefined
  if (part.bytes === 0) return void part.discard()
  return after(outlet.begin(index), () => moveBlob(part, outlet))
}
