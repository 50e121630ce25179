/** Times to wait, which all can be ended at once. */
export class Pauses {
  readonly #waiting = new Map<NodeJS.Timeout, () => void>()
  #isEnded = false

  /** Resolves after so many milliseconds, or when {@link end} is called; at once after that. */
  pause(ms: number): Promise<void> {
    if (this.#isEnded) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(timer)
        resolve()
      }, ms)
      this.#waiting.set(timer, resolve)
    })
  }

  end(): void {
    this.#isEnded = true
    for (const [timer, resolve] of this.#waiting) {
      clearTimeout(timer)
      resolve()
    }
    this.#waiting.clear()
  }
}
