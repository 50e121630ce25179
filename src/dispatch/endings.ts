import type { Running } from './entry.js'

/** Of ended tasks, those whose leftovers are still being ended. */
export class Endings {
  readonly #running = new Set<Running>()

  add(running: Running): void {
    if (running.ending === null) return
    this.#running.add(running)
    void running.ending.then(() => this.#running.delete(running))
  }

  /** KILL at once. */
  hurry(): void {
    for (const running of this.#running) running.hurry()
  }

  /** Resolves once nothing is left. */
  async allGone(): Promise<void> {
    while (this.#running.size > 0) await Promise.all([...this.#running].map((running) => running.ending))
  }
}
