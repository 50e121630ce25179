import { isPromise } from '../dispatch/user-call.js'
import { OptionError } from '../task/errors.js'

/** Gives the next item, or a promise of it; `null` or `undefined` when there is no more. What it throws ends the run. */
export type PullFunction<Item> = () => Item | null | undefined | PromiseLike<Item | null | undefined>

/** Where items come from: an array, a generator, a stream, or a function that is called for each. */
export type Items<Item> = Iterable<Item> | AsyncIterable<Item> | PullFunction<Item>

export interface ItemEvents<Item> {
  onItem(item: Item): void
  /** After it nothing comes. */
  onEnd(): void
  onError(error: unknown): void
}

type Step<Item> = IteratorResult<Item, unknown>

/**
 * Pulls items, one at a time:
 *
 *   open ── finish(): no more is asked for ──► what is on its way is still taken ──► ended
 *    ├───── its own end, or an error ────────────────────────────────────────────────► ended
 *    └───── close(): ended at once; what was on its way may still come ───────────────► ended
 */
export class ItemSource<Item> {
  readonly #items: Items<Item>
  readonly #events: ItemEvents<Item>
  #iterator: Iterator<Item, unknown> | AsyncIterator<Item, unknown> | null = null
  #isPulling = false
  #isFinishing = false
  #isClosed = false
  #hasEnded = false
  #wasReadToEnd = false

  constructor(items: Items<Item>, events: ItemEvents<Item>) {
    this.#items = items
    this.#events = events
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Whether an item was asked for and has not come. */
  get isPulling(): boolean {
    return this.#isPulling
  }

  /** Whether it ended by itself, so that nothing was left. */
  get wasReadToEnd(): boolean {
    return this.#wasReadToEnd
  }

  /** Asks for one more; it is told at once when the source is a synchronous one. */
  pull(): void {
    if (this.#isPulling || this.#isFinishing || this.#hasEnded) return
    this.#isPulling = true
    try {
      const next = this.#next()
      if (!isPromise(next)) return this.#take(next)
      next.then(
        (step) => this.#take(step),
        (error) => this.#fail(error),
      )
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Asks for no more. */
  finish(): void {
    this.#isFinishing = true
    if (!this.#isPulling) this.#leave()
  }

  /** Asks for no more, and does not wait for what is on its way; it is told when it comes. */
  close(): void {
    this.#isClosed = true
    this.#leave()
  }

  #next(): Step<Item> | PromiseLike<Step<Item>> {
    const items = this.#items
    if (typeof items === 'function') {
      const item = items()
      return isPromise(item) ? item.then(stepOf) : stepOf(item)
    }
    this.#iterator ??= Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
    return this.#iterator.next()
  }

  #take(step: Step<Item>): void {
    this.#isPulling = false
    if (this.#hasEnded && !this.#isClosed) return
    if (step.done === true) {
      if (this.#isClosed) return
      this.#hasEnded = true
      this.#wasReadToEnd = true
      return this.#events.onEnd()
    }
    if (this.#isFinishing) this.#leave()
    this.#events.onItem(step.value)
  }

  #fail(error: unknown): void {
    this.#isPulling = false
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#events.onError(error)
  }

  #leave(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    try {
      const returned = this.#iterator?.return?.()
      if (isPromise(returned)) returned.then(undefined, () => {})
    } catch {
      // What a generator throws while it is being left concerns nobody any more.
    }
  }
}

function stepOf<Item>(item: Item | null | undefined): Step<Item> {
  return item === null || item === undefined ? { done: true, value: undefined } : { done: false, value: item }
}

/** @throws OptionError unless items can be had from it. */
export function checkItems(items: unknown): void {
  if (typeof items === 'function') {
    if (!/GeneratorFunction/.test(Object.prototype.toString.call(items))) return
    throw new OptionError('items: expected a generator, not the function that makes one; call it')
  }
  const isObject = typeof items === 'object' && items !== null
  if (isObject && (Symbol.iterator in items || Symbol.asyncIterator in items)) return
  const given = typeof items === 'string' ? 'a string; put it into an array' : String(items)
  throw new OptionError(
    `items: expected an array, another iterable, or a function that gives the next item, not ${given}`,
  )
}
