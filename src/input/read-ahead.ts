import type { Source } from './source.js'

/** So much of a stream is read before it is asked for. */
const MOST_BYTES = 1024 * 1024
/** A piece of its own is held for each read, however little came. */
const MOST_CHUNKS = 1_024

/** Is told of what a stream has, before whoever reads it. */
export interface AheadEvents {
  onChunk(chunk: Buffer): void
  /** It has ended, by itself and without an error. */
  onEnd(): void
}

/** The same stream, read a little ahead, so that its end is seen before all of it is used. Its chunks are read once. */
export function readAhead(source: Source, events: AheadEvents): Source {
  return { ...source, close: () => source.close(), chunks: () => new Ahead(source, events).chunks() }
}

class Ahead {
  readonly #source: Source
  readonly #events: AheadEvents
  readonly #chunks: Buffer[] = []
  /** Who waits for the other side. */
  readonly #waiting: (() => void)[] = []
  #bytes = 0
  #end: { error: unknown } | null = null
  #isLeft = false

  constructor(source: Source, events: AheadEvents) {
    this.#source = source
    this.#events = events
  }

  async *chunks(): AsyncGenerator<Buffer> {
    void this.#read()
    try {
      for (;;) {
        const chunk = this.#chunks.shift()
        if (chunk !== undefined) {
          this.#bytes -= chunk.length
          this.#changed()
          yield chunk
        } else if (this.#end === null) await this.#change()
        else if (this.#end.error === null) return
        else throw this.#end.error
      }
    } finally {
      this.#isLeft = true
      this.#changed()
    }
  }

  async #read(): Promise<void> {
    let error: unknown = null
    try {
      for await (const chunk of this.#source.chunks()) {
        this.#chunks.push(chunk)
        this.#bytes += chunk.length
        this.#changed()
        this.#events.onChunk(chunk)
        while (this.#isFull && !this.#isLeft) await this.#change()
        if (this.#isLeft) return
      }
      this.#events.onEnd()
    } catch (caught) {
      error = caught
    }
    this.#end = { error }
    this.#changed()
  }

  get #isFull(): boolean {
    return this.#bytes >= MOST_BYTES || this.#chunks.length >= MOST_CHUNKS
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
