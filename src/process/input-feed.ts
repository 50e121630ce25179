import type { Child } from '../launcher/port.js'

/** What a child reads that is not known when it is started. */
export interface FedInput {
  readonly chunks: AsyncIterable<Uint8Array | string>
  /** Whether nothing is lost when it is begun and the child has not come to be. */
  readonly isRepeatable: boolean
}

/** Writes to a child what comes from an iterable, as fast as the child takes it. */
export class InputFeed {
  readonly #input: FedInput
  readonly #onError: (error: unknown) => void
  #iterator: AsyncIterator<Uint8Array | string> | null = null
  #stopped = false
  #goOn: (() => void) | null = null

  /** @param onError - told once when what is to be read cannot be. */
  constructor(input: FedInput, onError: (error: unknown) => void) {
    this.#input = input
    this.#onError = onError
  }

  /** The frame that starts the child is written. */
  onStart(child: Child): void {
    if (this.#input.isRepeatable) void this.#run(child)
  }

  onSpawn(child: Child): void {
    if (!this.#input.isRepeatable) void this.#run(child)
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
      const iterator = this.#input.chunks[Symbol.asyncIterator]()
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
      this.#onError(error)
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
