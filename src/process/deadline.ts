/**
 * A timer that can be made to stand still, and that lets everything else that is due go first: after a blocked event loop
 * timers run before the news that were there all along.
 */
export class Deadline {
  readonly #onOver: () => void
  #timer: NodeJS.Timeout | null = null
  #immediate: NodeJS.Immediate | null = null
  #endMs = 0
  #leftMs = 0

  constructor(ms: number, onOver: () => void) {
    this.#onOver = onOver
    this.#run(ms)
  }

  suspend(): void {
    if (this.#timer === null && this.#immediate === null) return
    this.clear()
    this.#leftMs = Math.max(1, this.#endMs - performance.now())
  }

  resume(): void {
    if (this.#leftMs > 0) this.#run(this.#leftMs)
  }

  /** It will not be over any more. */
  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#immediate !== null) clearImmediate(this.#immediate)
    this.#timer = null
    this.#immediate = null
    this.#leftMs = 0
  }

  #run(ms: number): void {
    this.#leftMs = 0
    this.#endMs = performance.now() + ms
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#immediate = setImmediate(() => {
        this.#immediate = null
        this.#onOver()
      })
    }, ms)
  }
}
