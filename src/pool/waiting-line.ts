import { TaskQueue } from '../dispatch/task-queue.js'
import type { PoolWorker } from './pool-worker.js'

/** A request, or somebody who wants a worker for himself. */
export interface Waiting {
  readonly priority: number
  readonly order: number
  /** It was given up meanwhile. */
  readonly isSettled: boolean
  /** Whether only a worker will do that has nothing else to do. */
  readonly needsWholeWorker: boolean
  /** One for all that wait, or that a worker has: no closure is made for each. */
  onSettled: ((waiting: Waiting) => void) | null
  assign(worker: PoolWorker): void
  reject(error: unknown): void
}

/** Those given up are taken out when they are more than the others, and more than this. */
const MOST_SETTLED = 1000

/** What waits for a worker, in order. */
export class WaitingLine {
  #queue = new TaskQueue<Waiting>()
  readonly #onNobodyLeft: () => void
  #settled = 0

  /** @param onNobodyLeft - told when all that waited was given up. */
  constructor(onNobodyLeft: () => void) {
    this.#onNobodyLeft = onNobodyLeft
  }

  get size(): number {
    return this.#queue.size - this.#settled
  }

  push(waiting: Waiting): void {
    waiting.onSettled = this.#noteSettled
    this.#queue.push(waiting)
  }

  peek(): Waiting | undefined {
    for (;;) {
      const first = this.#queue.peek()
      if (first === undefined || !first.isSettled) return first
      this.#queue.pop()
      this.#settled -= 1
    }
  }

  /** Takes the first out. */
  shift(): Waiting | undefined {
    const first = this.peek()
    if (first === undefined) return undefined
    this.#queue.pop()
    first.onSettled = null
    return first
  }

  rejectAll(error: unknown): void {
    for (let next = this.shift(); next !== undefined; next = this.shift()) next.reject(error)
  }

  readonly #noteSettled = (): void => {
    this.#settled += 1
    if (this.size === 0) return this.#forgetAll()
    if (this.#settled < MOST_SETTLED || this.#settled < this.size) return
    const left = this.#queue.drain().filter((waiting) => !waiting.isSettled)
    this.#settled = 0
    for (const waiting of left) this.#queue.push(waiting)
  }

  #forgetAll(): void {
    this.#queue = new TaskQueue()
    this.#settled = 0
    this.#onNobodyLeft()
  }
}
