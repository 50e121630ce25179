import type { Result } from '../task/result.js'

/** Results on their way to the one who reads them. */
export class ResultStream<Item = Result> implements AsyncIterator<Item, undefined> {
  readonly #onTaken: () => void
  readonly #onReturn: () => Promise<void>
  #results: Item[] = []
  #taken = 0
  #end: { error: unknown } | 'ended' | null = null
  #readers: ((step: IteratorResult<Item, undefined> | Promise<never>) => void)[] = []

  /**
   * @param onTaken - called after a result was read, when there is room for another.
   * @param onReturn - called when the reader leaves before the end.
   */
  constructor(onTaken: () => void, onReturn: () => Promise<void>) {
    this.#onTaken = onTaken
    this.#onReturn = onReturn
  }

  /** Results that nobody has read yet. */
  get unread(): number {
    return this.#results.length - this.#taken
  }

  push(result: Item): void {
    const reader = this.#readers.shift()
    if (reader !== undefined) reader({ done: false, value: result })
    else this.#results.push(result)
  }

  /** There is no more; with an error, the reader gets it after the last result. */
  end(failure: { error: unknown } | null): void {
    this.#end ??= failure ?? 'ended'
    for (const reader of this.#readers.splice(0)) reader(this.#last())
  }

  async next(): Promise<IteratorResult<Item, undefined>> {
    if (this.unread > 0) {
      const value = this.#results[this.#taken]!
      this.#taken += 1
      if (this.#taken === this.#results.length || this.#taken > 1_000) {
        this.#results = this.#results.slice(this.#taken)
        this.#taken = 0
      }
      this.#onTaken()
      return { done: false, value }
    }
    if (this.#end !== null) return this.#last()
    return new Promise((resolve) => this.#readers.push(resolve))
  }

  async return(): Promise<IteratorResult<Item, undefined>> {
    this.#results = []
    this.#taken = 0
    await this.#onReturn()
    return { done: true, value: undefined }
  }

  #last(): { done: true; value: undefined } | Promise<never> {
    const end = this.#end
    if (end === null || end === 'ended') return { done: true, value: undefined }
    // It is told once; who asks again gets the end.
    this.#end = 'ended'
    return Promise.reject(end.error)
  }
}
