import { InputError } from '../../task/errors.js'
import type { TaskStream } from '../../task/task.js'

type Step = IteratorResult<Buffer, undefined>
type Waiter = (step: Step) => void

const DONE: Step = { done: true, value: undefined }

/**
 * Blocks that several tasks take from, each whenever it has room. A block that was given to one is its own; who leaves gives back
 * nothing, but what it still waited for goes to another.
 */
export class SharedBlocks {
  readonly #blocks: AsyncIterator<Buffer, void>
  readonly #source: string
  readonly #waiting = new Set<Waiter>()
  #reading = false
  /** It came for one who has left meanwhile. */
  #spare: Buffer | null = null
  #ended = false
  #error: { error: unknown } | null = null
  #readers = 0
  #onRest: () => void = () => {}

  constructor(blocks: AsyncIterable<Buffer>, source: string) {
    this.#blocks = blocks[Symbol.asyncIterator]() as AsyncIterator<Buffer, void>
    this.#source = source
  }

  /**
   * Streams for as many tasks, each of which begins with a block of its own; fewer when there are not as many blocks. Ends when all
   * blocks are given out.
   *
   * @throws InputError when nobody takes the rest; what reading the blocks threw.
   */
  async *streams(most: number): AsyncGenerator<TaskStream, void> {
    for (let count = 0; count < most; count++) {
      const first = await new Promise<Step>((resolve) => this.#take(resolve))
      if (first.done === true) break
      this.#readers += 1
      yield this.#stream(first.value)
    }
    await this.#rest()
    if (this.#error !== null) throw this.#error.error
    if (this.#ended) return
    throw new InputError(
      { source: this.#source },
      'no task takes any more of it, and there is more; what was left has been given to none',
    )
  }

  #stream(first: Buffer): TaskStream {
    let own: Buffer | null = first
    let [waiter, left]: [Waiter | null, boolean] = [null, false]
    const leave = () => {
      if (left) return
      left = true
      if (waiter !== null && this.#waiting.delete(waiter)) waiter(DONE)
      this.#readers -= 1
      this.#check()
    }
    const iterator: AsyncIterator<Buffer, undefined> = {
      next: async () => {
        if (own !== null) {
          const value = own
          own = null
          return { done: false, value }
        }
        const step = await new Promise<Step>((resolve) => {
          waiter = resolve
          this.#take(resolve)
        })
        if (step.done === true) leave()
        return step
      },
      return: async () => {
        leave()
        return DONE
      },
    }
    return { [Symbol.asyncIterator]: () => iterator }
  }

  #take(waiter: Waiter): void {
    this.#waiting.add(waiter)
    this.#give()
    void this.#read()
  }

  #give(): void {
    const [waiter] = this.#waiting
    if (waiter === undefined || (this.#spare === null && !this.#ended)) return
    this.#waiting.delete(waiter)
    if (this.#spare === null) waiter(DONE)
    else {
      const value = this.#spare
      this.#spare = null
      waiter({ done: false, value })
    }
    this.#give()
  }

  async #read(): Promise<void> {
    if (this.#reading || this.#ended || this.#spare !== null) return
    this.#reading = true
    try {
      const step = await this.#blocks.next()
      if (step.done === true) this.#ended = true
      else this.#spare = step.value
    } catch (error) {
      this.#ended = true
      this.#error = { error }
    }
    this.#reading = false
    this.#give()
    this.#check()
    if (this.#waiting.size > 0) void this.#read()
  }

  /** Resolves when there is nothing more to give, or nobody to take it. */
  #rest(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRest = resolve
      this.#check()
    })
  }

  #check(): void {
    const isOver = (this.#ended && this.#spare === null) || (this.#readers === 0 && !this.#reading)
    if (isOver) this.#onRest()
  }
}
