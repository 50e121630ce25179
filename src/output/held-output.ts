import type { OutputStream } from '../launcher/port.js'
import { NEWLINE } from './bytes.js'
import { LineTagger } from './tag.js'
import { TaskBuffer, type TaskBufferOptions } from './task-buffer.js'

const NEWLINE_BYTES = Buffer.from('\n')

/** What is held back of one stream of a task that still runs. */
export class HeldStream {
  readonly #options: TaskBufferOptions
  readonly #tagger: LineTagger | null
  readonly #endsLines: boolean
  #isMidLine = false
  #buffer: TaskBuffer | null = null

  /** With a label, lines are tagged and the last one is ended. */
  constructor(options: TaskBufferOptions, label: string | null) {
    this.#options = options
    this.#tagger = label === null ? null : new LineTagger(label)
    this.#endsLines = label !== null
  }

  /** A piece as it is to be printed. */
  receive(chunk: Uint8Array): Uint8Array {
    if (chunk.length > 0) this.#isMidLine = chunk[chunk.length - 1] !== NEWLINE
    return this.#tagger === null ? chunk : this.#tagger.tag(chunk)
  }

  hold(chunk: Uint8Array): Promise<void> | undefined {
    if (chunk.length === 0) return undefined
    this.#buffer ??= new TaskBuffer(this.#options)
    return this.#buffer.append(chunk)
  }

  /** What was held, which is now the caller's to print or discard. */
  release(): TaskBuffer | null {
    const released = this.#buffer
    this.#buffer = null
    return released
  }

  /** The newline that is missing at the end of the last line; null when there is none missing. */
  missingNewline(): Uint8Array | null {
    return this.#isMidLine ? NEWLINE_BYTES : null
  }

  /** What is printed after the last piece; null when nothing is. */
  ending(): Uint8Array | null {
    return this.#endsLines ? this.missingNewline() : null
  }
}

/** What is held back of a task that still runs. */
export interface HeldOutput extends Readonly<Record<OutputStream, HeldStream>> {
  readonly attempt: number
}

export function discardHeld(held: HeldOutput): void {
  held.stdout.release()?.discard()
  held.stderr.release()?.discard()
}
