import { ClosedError } from '../task/errors.js'
import type { Result } from '../task/result.js'
import { NO_OUTPUT, type TaskOutput } from './blob.js'
import type { OutputWriter } from './fd-writer.js'
import { JsonPrinting } from './json-printing.js'
import type { Maybe, MaybeVoid } from './maybe.js'
import { ArrayOutlet, LineOutlet, Outlet, type Outlets, printOutput } from './outlet.js'
import { PrintQueue } from './print-queue.js'
import { Shelf, type ShelfOptions } from './shelf.js'
import { SpillFolder, type SpillFolderOptions } from './spill-folder.js'
import type { TaskBufferOptions } from './task-buffer.js'
import { type OutputPiece, TextPrinting } from './text-printing.js'
import { Turns } from './turns.js'

export interface PrinterOptions {
  /**
   * `group`: all that a task prints, together, when it ends. `line`: whole lines as they come. `none`: the tasks print
   * by themselves, and pieces that come nevertheless are dropped.
   */
  readonly mode: 'group' | 'line' | 'none'
  /** Whether each line gets the task's label and a tab in front. A last line without a newline then gets one. */
  readonly tag: boolean
  /** Whether tasks are printed in the order of their indices, and not as they end. */
  readonly keepOrder: boolean
  /** Results on standard output in place of what the tasks print: one a line, or as one array. */
  readonly json: null | 'lines' | 'array'
  /** Where output waits that outgrows memory. Default: `os.tmpdir()`. */
  readonly tmpdir?: string | undefined
  readonly stdout: OutputWriter
  readonly stderr: OutputWriter
  readonly limits?: PrinterLimits | undefined
}

/** What is kept where. The defaults are those of {@link TaskBufferOptions}, {@link ShelfOptions} and {@link SpillFolderOptions}. */
export interface PrinterLimits {
  readonly buffer?: Omit<TaskBufferOptions, 'folder'>
  readonly shelf?: Omit<ShelfOptions, 'folder'>
  readonly folder?: Omit<SpillFolderOptions, 'tmpdir'>
}

/**
 * Prints what tasks print, or their results as JSON, so that nothing of two tasks is ever mixed. Promises are
 * backpressure, and reject with `ERR_DROVER_SPILL` when output could not be kept (a full disk); a rejection that nobody
 * waits for is no unhandled one, since {@link close} tells of the first. When standard output is broken, what belongs
 * there is dropped without a word.
 */
export class Printer {
  readonly #queue = new PrintQueue()
  readonly #outlets: Outlets
  readonly #folder: SpillFolder
  readonly #turns: Turns | null
  readonly #text: TextPrinting | null
  readonly #json: JsonPrinting | null
  readonly #pending = new Set<Promise<void>>()
  #failures: unknown[] = []
  #closing: Promise<void> | null = null

  constructor(options: PrinterOptions) {
    const { limits = {} } = options
    this.#folder = new SpillFolder({ ...limits.folder, tmpdir: options.tmpdir })
    this.#outlets = makeOutlets(options)
    const shelf = new Shelf({ ...limits.shelf, folder: this.#folder })
    const inOrder = options.keepOrder && (options.json !== null || options.mode !== 'none')
    this.#turns = inOrder ? new Turns(shelf, this.#queue, this.#outlets, (index) => this.#text?.showHeld(index)) : null
    const finish = (index: number, output: TaskOutput) => this.#finish(index, output)
    const buffer = { ...limits.buffer, folder: this.#folder }
    this.#json = options.json === null ? null : new JsonPrinting(options.json, this.#outlets.stdout, buffer, finish)
    this.#text =
      this.#json !== null || options.mode === 'none'
        ? null
        : new TextPrinting({
            byLine: options.mode === 'line',
            tag: options.tag,
            buffer,
            queue: this.#queue,
            outlets: this.#outlets,
            finish,
            turns: this.#turns,
          })
  }

  /**
   * Takes a piece of a running task's output. The promise is backpressure: the task waits. Pieces of an attempt before
   * the latest one, and pieces after {@link close}, are dropped.
   */
  output(piece: OutputPiece): Maybe {
    if (this.#text === null || this.#closing !== null) return undefined
    return this.#watch(this.#text.output(piece))
  }

  /**
   * Takes a task's final result, once for each index from 0 that is not passed, in any order, and prints what there is to print or keeps it
   * until its turn. The label is what the pieces had. Rejects with `ERR_DROVER_CLOSED` after {@link close}.
   */
  result(result: Result, _label?: string): Maybe {
    if (this.#closing !== null) return this.#watch(Promise.reject(new ClosedError('the printer')))
    return this.#watch((this.#json ?? this.#text)?.result(result))
  }

  /** There will be no result for this index; what comes behind it does not wait for one. */
  pass(index: number): Maybe {
    return this.#closing === null ? this.#watch(this.#finish(index, NO_OUTPUT)) : undefined
  }

  /**
   * Prints all that still waits, whatever is missing before it, ends the array, waits until the writers have written
   * all and removes what was in files. Output of tasks without a result is dropped. Rejects with the first error there
   * was, when all that is done.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Removes the temporary files at once, for a handler of `exit`. Never throws. */
  removeSync(): void {
    this.#folder.removeSync()
  }

  async #close(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending)
    this.#text?.discard()
    await this.#attempt(() => this.#turns?.close())
    await this.#attempt(() => this.#queue.run(() => this.#outlets.stdout.end()))
    await this.#folder.close()
    await Promise.all([this.#outlets.stdout.flush(), this.#outlets.stderr.flush()])
    if (this.#failures.length > 0) throw this.#failures[0]
  }

  async #attempt(action: () => MaybeVoid): Promise<void> {
    try {
      await action()
    } catch (error) {
      this.#failures.push(error)
    }
  }

  #finish(index: number, output: TaskOutput): Maybe {
    if (this.#turns !== null) return this.#turns.finish(index, output)
    if (output === NO_OUTPUT) return undefined
    return this.#queue.run(() => printOutput(index, output, this.#outlets))
  }

  #watch(outcome: Maybe): Maybe {
    if (outcome === undefined) return undefined
    this.#pending.add(outcome)
    outcome.then(
      () => this.#pending.delete(outcome),
      (error) => {
        this.#pending.delete(outcome)
        if (this.#failures.length === 0 && !(error instanceof ClosedError)) this.#failures.push(error)
      },
    )
    return outcome
  }
}

function makeOutlets(options: PrinterOptions): Outlets {
  const Kind = options.json === 'array' ? ArrayOutlet : options.mode === 'line' ? LineOutlet : Outlet
  const stdout = new (options.json === 'lines' ? Outlet : Kind)(options.stdout)
  const stderr = new (options.json === null ? Kind : Outlet)(options.stderr)
  return { stdout, stderr }
}
