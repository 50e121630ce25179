/** A timer that can be made to stand still. */
export class Deadline {
  readonly #onOver: () => void
  #timer: NodeJS.Timeout | null = null
  #endMs = 0
  #leftMs = 0

  constructor(ms: number, onOver: () => void) {
    this.#onOver = onOver
    this.#run(ms)
  }

  suspend(): void {
    if (this.#timer === null) return
    this.clear()
    this.#leftMs = Math.max(1, this.#endMs - performance.now())
  }

  resume(): void {
    if (this.#leftMs > 0) this.#run(this.#leftMs)
  }

  /** It will not be over any more. */
  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#leftMs = 0
  }

  #run(ms: number): void {
    this.#leftMs = 0
    this.#endMs = performance.now() + ms
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#onOver()
    }, ms)
  }
}
