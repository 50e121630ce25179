/** Keeps starts apart. */
export class StartDelay {
  readonly #delayMs: number
  readonly #wake: () => void
  #nextMs = 0
  #timer: NodeJS.Timeout | null = null

  /**
   * @param delayMs - between two starts at the least; 0 is none.
   * @param wake - called when a start that was held may be made.
   */
  constructor(delayMs: number, wake: () => void) {
    this.#delayMs = delayMs
    this.#wake = wake
  }

  /** Whether nothing may be started yet. */
  holds(): boolean {
    if (this.#delayMs === 0) return false
    const leftMs = this.#nextMs - performance.now()
    if (leftMs <= 0) return false
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      this.#wake()
    }, leftMs)
    return true
  }

  started(): void {
    if (this.#delayMs > 0) this.#nextMs = performance.now() + this.#delayMs
  }

  /** Nothing waits any more. */
  rest(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
