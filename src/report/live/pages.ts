/** Pages that are remembered; more than anybody opens. */
const MOST_PAGES = 64
/** A page that has not asked for so long is taken for one that was closed. */
const GONE_MS = 5_000

/** Which pages are open, and whether they know how the run has ended. */
export class Pages {
  /** When each was last heard of, by the monotonic clock. */
  readonly #seen = new Map<string, number>()
  #onDelivered: () => void = () => {}

  seen(page: string): void {
    this.#seen.delete(page)
    this.#seen.set(page, performance.now())
    if (this.#seen.size > MOST_PAGES) this.#seen.delete(this.#seen.keys().next().value!)
  }

  /** It has all that there is to know. */
  delivered(page: string): void {
    this.#seen.delete(page)
    this.#onDelivered()
  }

  /** Resolves when no page that is open lacks anything, or after a time. */
  allDelivered(mostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, mostMs)
      this.#onDelivered = () => {
        const since = performance.now() - GONE_MS
        if ([...this.#seen.values()].some((time) => time > since)) return
        clearTimeout(timer)
        resolve()
      }
      this.#onDelivered()
    })
  }
}
