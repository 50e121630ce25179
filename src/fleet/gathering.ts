/** How long a result waits for others, at the most. */
export const GATHER_MS = 10
/** So many go at once. */
const MOST_GATHERED = 32

/**
 * Lets results go to the server several at a time: each journey wakes both processes, which costs as much as starting a short task. Only
 * while nobody waits for what the server would send back.
 */
export class Gathering {
  readonly #mayWait: () => boolean
  #waiting: (() => void)[] = []
  #timer: NodeJS.Timeout | null = null

  /** @param mayWait - whether there is enough to do without the next tasks. */
  constructor(mayWait: () => boolean) {
    this.#mayWait = mayWait
  }

  /** @returns null for now, else what resolves when it is time. */
  turn(): Promise<void> | null {
    if (!this.#mayWait()) {
      this.#go()
      return null
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (this.#waiting.length >= MOST_GATHERED) this.#go()
      else this.#timer ??= setTimeout(() => this.#go(), GATHER_MS)
    })
  }

  #go(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const going = this.#waiting
    this.#waiting = []
    for (const go of going) go()
  }
}
