import { MAX_DURATION_MS } from '../process/process-options.js'

/** Waiting that can be cut short. It keeps the event loop alive. */
export class Sleep {
  #wake: (() => void) | null = null

  /** Resolves when the monotonic clock shows that time, or when it is woken. Signals are heard in any case. */
  async until(dueMs: number): Promise<void> {
    let isWoken = false
    do {
      const left = dueMs - performance.now()
      await new Promise<void>((resolve) => {
        const pause = left > 0 ? setTimeout(resolve, Math.min(Math.ceil(left), MAX_DURATION_MS)) : null
        if (pause === null) setImmediate(resolve)
        this.#wake = () => {
          isWoken = true
          if (pause !== null) clearTimeout(pause)
          resolve()
        }
      })
      this.#wake = null
    } while (!isWoken && performance.now() < dueMs)
  }

  wake(): void {
    this.#wake?.()
  }
}
