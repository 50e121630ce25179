import { ResultCounter } from '../dispatch/progress.js'
import { ResultStream } from '../dispatch/result-stream.js'
import type { ItemResult } from './item-result.js'
import { OrderedResults } from './ordered-results.js'

/** Results that may be ready and unread in all, where they are to be in order. */
const AHEAD_IN_ORDER = 16

/** Counts results, brings them into order where that is wanted, and keeps them until they are read. */
export class ItemResults<Item, Value> {
  readonly counter = new ResultCounter()
  readonly stream: ResultStream<ItemResult<Item, Value>>
  readonly #ordered: OrderedResults<ItemResult<Item, Value>> | null
  /** Nobody reads them. */
  isDiscarding = false

  /**
   * @param onRead - told when there is room for another.
   * @param onLeave - told when the reader leaves before the end.
   */
  constructor(keepOrder: boolean, onRead: () => void, onLeave: () => Promise<void>) {
    this.stream = new ResultStream(onRead, onLeave)
    this.#ordered = keepOrder ? new OrderedResults() : null
  }

  /** Whether so few are unread that more may come. */
  hasRoom(limit: number): boolean {
    const unread = this.stream.unread + (this.#ordered?.held ?? 0)
    return unread < limit * (this.#ordered === null ? 1 : AHEAD_IN_ORDER)
  }

  announce(result: ItemResult<Item, Value>): void {
    const ready = this.#ordered === null ? [result] : this.#ordered.add(result)
    if (!this.isDiscarding) for (const each of ready) this.stream.push(each)
  }
}
