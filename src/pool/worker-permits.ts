import { Gate } from '../slots/gate.js'
import type { SlotContext, SlotPermit, SlotSourceMaker } from '../slots/slot-source.js'
import type { PoolWorker } from './pool-worker.js'

/** A worker that never runs out of requests gives its permission back after this time, so that others get their turn. */
const LONGEST_USE_MS = 250
const LONG_MS = 2 ** 30

/**
 * Permissions to run, of what is shared with others. A worker has one while it starts, while it has something to do or is leased, and,
 * when it failed, until nothing is left of it; one that waits for requests has none.
 */
export class WorkerPermits {
  readonly #gate: Gate
  readonly #isFree: boolean
  /** While it is there the event loop does not end. */
  #alive: NodeJS.Timeout | null = null
  readonly #held = new Map<PoolWorker, { readonly permit: SlotPermit; readonly sinceMs: number }>()

  constructor(makers: readonly SlotSourceMaker[], context: SlotContext) {
    this.#gate = new Gate(makers, context)
    this.#isFree = makers.length === 0
  }

  /** For a worker that is to be started. Null when there is none; the context's `onChange` tells when to ask again. */
  take(): SlotPermit | null {
    return this.#gate.take(1)
  }

  /** It belongs to this worker. */
  keep(worker: PoolWorker, permit: SlotPermit): void {
    if (!this.#isFree) this.#held.set(worker, { permit, sinceMs: performance.now() })
  }

  /** Whether a worker may be given something to do. Null of {@link take} is false here. */
  admits(worker: PoolWorker): boolean {
    if (this.#isFree || this.#held.has(worker)) return true
    const permit = this.#gate.take(1)
    if (permit === null) return false
    this.keep(worker, permit)
    return true
  }

  /** Whether it has had its permission for so long that it gets nothing more before it has given it back. */
  isDue(worker: PoolWorker): boolean {
    const held = this.#held.get(worker)
    return held !== undefined && performance.now() - held.sinceMs > LONGEST_USE_MS
  }

  /** The worker has nothing to do, or is gone. */
  giveBack(worker: PoolWorker): void {
    const held = this.#held.get(worker)
    if (held === undefined) return
    this.#held.delete(worker)
    held.permit.release()
  }

  /** Keeps the event loop alive, or lets it end: a permission that is waited for does not by itself. */
  hold(isHeld: boolean): void {
    if (this.#isFree || isHeld === (this.#alive !== null)) return
    if (this.#alive !== null) clearInterval(this.#alive)
    this.#alive = isHeld ? setInterval(() => {}, LONG_MS) : null
  }

  /** Nothing waits for one. */
  unwanted(): void {
    this.#gate.unwanted()
  }

  /** No worker is left. Resolves when all is given back. */
  rest(): Promise<void> {
    return this.#gate.rest()
  }
}
