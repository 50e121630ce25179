/**
 * One thing at a time: whoever is told of something may call back into what tells it, and is not to start anything in the middle of
 * it.
 */
export class Turn {
  #isTaken = false

  /** Does something, unless something else is being done. @returns whether it was done. */
  take(work: () => void): boolean {
    if (this.#isTaken) return false
    this.hold(work)
    return true
  }

  /** Does something during which no turn can be taken. Whoever wanted one meanwhile has to be given it afterwards. */
  hold(work: () => void): void {
    const wasTaken = this.#isTaken
    this.#isTaken = true
    try {
      work()
    } finally {
      this.#isTaken = wasTaken
    }
  }
}
