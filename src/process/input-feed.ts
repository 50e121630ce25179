import type { Child, StartError } from '../launcher/port.js'
import type { TaskStream } from '../task/task.js'

/** Writes to a child what comes from a stream, as fast as the child takes it. */
export class InputFeed {
  readonly #input: TaskStream
  readonly #onError: (error: StartError) => void
  #iterator: AsyncIterator<Uint8Array | string> | null = null
  #stopped = false
  #goOn: (() => void) | null = null

  /** @param onError - told once when what is to be read cannot be. */
  constructor(input: TaskStream, onError: (error: StartError) => void) {
    this.#input = input
    this.#onError = onError
  }

  /** Not before the child is there: of what could not be started nothing may be lost. */
  onSpawn(child: Child): void {
    void this.#run(child)
  }

  /** There is room again. */
  onDrain(): void {
    this.#goOn?.()
  }

  /** Nobody reads it any more. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#goOn?.()
    this.#leave()
  }

  async #run(child: Child): Promise<void> {
    if (this.#stopped) return
    try {
      const iterator = this.#input[Symbol.asyncIterator]()
      this.#iterator = iterator
      for (;;) {
        const step = await iterator.next()
        if (this.#stopped) return
        if (step.done === true) break
        if (!child.write(step.value)) await this.#room()
        if (this.#stopped) return
      }
      this.#stopped = true
      child.endInput()
    } catch (error) {
      if (this.#stopped) return
      this.#stopped = true
      this.#onError(readingErrorOf(error))
    }
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = resolve
    })
  }

  #leave(): void {
    // Who is left cannot make anything of it, and is not waited for.
    Promise.resolve(this.#iterator?.return?.()).catch(() => {})
  }
}

function readingErrorOf(error: unknown): StartError {
  const { code, message } = (error ?? {}) as Partial<NodeJS.ErrnoException>
  return { code: code ?? 'ERR_DROVER_STDIN', message: `standard input cannot be read: ${message ?? String(error)}` }
}
