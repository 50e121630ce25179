import type { PoolWorker } from './pool-worker.js'
import type { Waiting } from './waiting-line.js'

/** Somebody who waits for a worker of his own. */
export class LeaseRequest implements Waiting {
  readonly needsWholeWorker = true
  readonly priority: number
  readonly order: number
  isSettled = false
  onSettled: ((waiting: Waiting) => void) | null = null
  /** Takes back what was set up to give it up. */
  release: (() => void) | null = null
  readonly #resolve: (worker: PoolWorker) => void
  readonly #reject: (error: unknown) => void

  constructor(
    priority: number,
    order: number,
    resolve: (worker: PoolWorker) => void,
    reject: (error: unknown) => void,
  ) {
    this.priority = priority
    this.order = order
    this.#resolve = resolve
    this.#reject = reject
  }

  assign(worker: PoolWorker): void {
    this.#settle()
    worker.isLeased = true
    worker.process.hold(true)
    this.#resolve(worker)
  }

  reject(error: unknown): void {
    if (this.isSettled) return
    this.#settle()
    this.#reject(error)
  }

  #settle(): void {
    this.isSettled = true
    this.release?.()
    this.onSettled?.(this)
  }
}
