import type { OutputStream } from '../launcher/port.js'
import type { Result } from '../task/result.js'
import { moveBlob, NO_OUTPUT, type TaskOutput } from './blob.js'
import { NEWLINE } from './bytes.js'
import { discardHeld, type HeldOutput, HeldStream } from './held-output.js'
import { after, type Maybe } from './maybe.js'
import type { Outlets } from './outlet.js'
import type { PrintQueue } from './print-queue.js'
import type { TaskBufferOptions } from './task-buffer.js'
import type { Turns } from './turns.js'

/** A piece of what a running task prints. */
export interface OutputPiece {
  readonly index: number
  /** From 1. */
  readonly attempt: number
  readonly stream: OutputStream
  /** Not to be changed afterwards. */
  readonly chunk: Uint8Array
  /** What the lines are tagged with. */
  readonly label: string
}

export interface TextPrintingOptions {
  /** Whether whole lines go out as they come, and not all when the task ends. */
  readonly byLine: boolean
  readonly tag: boolean
  readonly buffer: TaskBufferOptions
  readonly queue: PrintQueue
  readonly outlets: Outlets
  /** Prints, or keeps for later, what is held when a task has ended. */
  finish(index: number, output: TaskOutput): Maybe
  /** Null where tasks print in any order. */
  readonly turns: Pick<Turns, 'isTurnOf'> | null
}

/**
 * Prints what the tasks print. Grouped: a task's output is held until it ends, and that of a try that is followed by
 * another is dropped. By line: only the beginning of a line is held, and of tasks whose turn has not come, all.
 */
export class TextPrinting {
  readonly #options: TextPrintingOptions
  readonly #held = new Map<number, HeldOutput>()

  constructor(options: TextPrintingOptions) {
    this.#options = options
  }

  output(piece: OutputPiece): Maybe {
    const known = this.#held.get(piece.index)
    if (known !== undefined && known.attempt > piece.attempt) return undefined
    const ended = known?.attempt === piece.attempt ? undefined : this.#beginAttempt(piece, known)
    const stream = this.#held.get(piece.index)![piece.stream]
    return both(ended, this.#pass(piece.index, piece.stream, stream, stream.receive(piece.chunk)))
  }

  result(result: Pick<Result, 'index' | 'attempt'>): Maybe {
    const { index, attempt } = result
    const held = this.#held.get(index)
    if (held === undefined) return this.#options.finish(index, NO_OUTPUT)
    this.#held.delete(index)
    if (held.attempt < attempt && !this.#options.byLine) {
      discardHeld(held)
      return this.#options.finish(index, NO_OUTPUT)
    }
    const full = both(this.#end(held, 'stdout'), this.#end(held, 'stderr'))
    const finished = this.#options.finish(index, { stdout: held.stdout.release(), stderr: held.stderr.release() })
    return both(full, finished)
  }

  /** The turn of a task that still runs has come: prints what was held of it, within the queue. */
  showHeld(index: number): Maybe {
    const held = this.#held.get(index)
    if (held === undefined || !this.#options.byLine) return undefined
    // Taken out before anything is waited for: what comes meanwhile goes to the queue, behind this.
    const [stdout, stderr] = [held.stdout.release(), held.stderr.release()]
    return after(this.#show(index, 'stdout', stdout), () => this.#show(index, 'stderr', stderr))
  }

  /** Drops what is held of tasks that never ended. */
  discard(): void {
    for (const held of this.#held.values()) discardHeld(held)
    this.#held.clear()
  }

  /** By line, some of the try before may have been printed already: then all of it is, and its last line is ended. */
  #beginAttempt(piece: OutputPiece, before: HeldOutput | undefined): Maybe {
    if (before !== undefined && this.#options.byLine) {
      this.#held.set(piece.index, { ...before, attempt: piece.attempt })
      return both(this.#endLine(piece.index, 'stdout', before), this.#endLine(piece.index, 'stderr', before))
    }
    if (before !== undefined) discardHeld(before)
    const label = this.#options.tag ? piece.label : null
    this.#held.set(piece.index, {
      attempt: piece.attempt,
      stdout: new HeldStream(this.#options.buffer, label),
      stderr: new HeldStream(this.#options.buffer, label),
    })
    return undefined
  }

  #endLine(index: number, name: OutputStream, held: HeldOutput): Maybe {
    const newline = held[name].missingNewline()
    return newline === null ? undefined : this.#pass(index, name, held[name], held[name].receive(newline))
  }

  #end(held: HeldOutput, name: OutputStream): Maybe {
    const ending = held[name].ending()
    return ending === null ? undefined : held[name].hold(ending)
  }

  #pass(index: number, name: OutputStream, stream: HeldStream, chunk: Uint8Array): Maybe {
    const { byLine, turns, outlets, queue } = this.#options
    const end = byLine && (turns === null || turns.isTurnOf(index)) ? chunk.lastIndexOf(NEWLINE) + 1 : 0
    if (end === 0) return stream.hold(chunk)
    const beginning = stream.release()
    const full = stream.hold(chunk.subarray(end))
    const outlet = outlets[name]
    const printed = queue.run(() =>
      after(outlet.begin(index), () =>
        after(beginning === null ? undefined : moveBlob(beginning, outlet), () => outlet.write(chunk.subarray(0, end))),
      ),
    )
    return both(full, printed)
  }

  #show(index: number, name: OutputStream, held: TaskOutput['stdout']): Maybe {
    if (held === null) return undefined
    const outlet = this.#options.outlets[name]
    return after(outlet.begin(index), () => moveBlob(held, outlet))
  }
}

function both(first: Maybe, second: Maybe): Maybe {
  if (first === undefined) return second
  return second === undefined ? first : Promise.all([first, second]).then(() => undefined)
}
