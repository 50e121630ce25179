import { Pause } from '../dispatch/pause.js'
import { checkCount } from '../process/process-options.js'
import type { PulledItem } from './item-attempts.js'
import { ItemSource, type Items } from './items.js'

/** The run that items are pulled for. */
export interface IntakeHost<Item> {
  /** Whether more may be pulled, for all that becomes of results. */
  hasRoom(limit: number): boolean
  /** How many may be in hand at once has changed. */
  onLimit(limit: number): void
  onItem(pulled: PulledItem & { readonly item: Item }): void
  /** The source failed, or a callback of the user's did. */
  onSourceError(error: unknown): void
  onCallbackError(error: unknown): void
  /** There is no more to come, and nothing is in hand; told again when that was asked for again. */
  onRest(): void
}

/**
 * Pulls items from their source, as long as fewer are in hand than may be:
 *
 *   the source ── pull ──► in hand ── done() ──► off our hands
 */
export class ItemIntake<Item> {
  readonly #items: Items<Item>
  readonly #concurrency: number | (() => number)
  readonly #host: IntakeHost<Item>
  readonly #pause = new Pause()
  #source: ItemSource<Item> | null = null
  #limit: number
  #pulled = 0
  #inHand = 0
  #isPumping = false
  /** Pulls nothing more. */
  #isStopped = false
  /** Takes nothing more, whatever still comes. */
  #isOver = false

  constructor(items: Items<Item>, concurrency: number | (() => number), host: IntakeHost<Item>) {
    this.#items = items
    this.#concurrency = concurrency
    this.#host = host
    this.#limit = typeof concurrency === 'number' ? concurrency : 1
  }

  get pulled(): number {
    return this.#pulled
  }

  get inHand(): number {
    return this.#inHand
  }

  /** How many may be in hand at once. */
  get limit(): number {
    return this.#limit
  }

  set limit(limit: number) {
    if (limit === this.#limit) return
    this.#limit = checkCount('concurrency', limit, 1)
    this.#host.onLimit(limit)
  }

  get isPaused(): boolean {
    return this.#pause.isOn
  }

  set isPaused(isPaused: boolean) {
    this.#pause.set(isPaused && !this.#isStopped && !this.#isOver)
  }

  /** Whether the source ended by itself. */
  get wasReadToEnd(): boolean {
    return this.#source?.wasReadToEnd === true
  }

  begin(): void {
    this.#source = new ItemSource(this.#items, {
      onItem: (item) => this.#take(item),
      onEnd: () => this.pump(),
      onError: (error) => {
        this.#host.onSourceError(error)
        this.pump()
      },
    })
    if (this.#isStopped) this.#source.close()
  }

  /** Pulls as many as there is room for. Does nothing before it has begun. */
  pump(): void {
    const source = this.#source
    if (this.#isPumping || source === null) return
    this.#isPumping = true
    try {
      for (let before = -1; before < this.#pulled && this.#hasRoom(source); ) {
        before = this.#pulled
        source.pull()
      }
    } catch (error) {
      this.#host.onCallbackError(error)
    } finally {
      this.#isPumping = false
    }
    if (source.hasEnded && this.#inHand === 0) this.#host.onRest()
  }

  /** One is off our hands. */
  done(): void {
    this.#inHand -= 1
  }

  /** Pulls no more. `soon` takes what the source is about to give as well; `now` does not wait for it. */
  stop(when: 'soon' | 'now'): void {
    this.#isStopped = true
    this.#pause.set(false)
    if (when === 'soon') this.#source?.finish()
    else this.#source?.close()
  }

  /** Resolves when an asynchronous source has told what it had as good as given when it was closed. */
  async settle(): Promise<void> {
    if (this.#source?.isPulling === true) await new Promise((resolve) => setImmediate(resolve))
  }

  end(): void {
    this.#isOver = true
    this.#pause.set(false)
  }

  #hasRoom(source: ItemSource<Item>): boolean {
    if (this.#pause.isOn || this.#isStopped || source.hasEnded) return false
    const concurrency = this.#concurrency
    if (typeof concurrency === 'function') this.limit = concurrency()
    return this.#inHand < this.#limit && this.#host.hasRoom(this.#limit)
  }

  #take(item: Item): void {
    if (this.#isOver) return
    const pulled = { item, index: this.#pulled, pulledMs: performance.now() }
    this.#pulled += 1
    this.#inHand += 1
    this.#host.onItem(pulled)
    this.pump()
  }
}
