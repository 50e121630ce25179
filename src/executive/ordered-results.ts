/** Brings results into the order of their items. */
export class OrderedResults<Result extends { readonly index: number }> {
  readonly #held = new Map<number, Result>()
  #next = 0

  /** How many wait for an earlier one. */
  get held(): number {
    return this.#held.size
  }

  /** @returns those that have their turn now. */
  add(result: Result): Result[] {
    this.#held.set(result.index, result)
    const ready: Result[] = []
    for (let next = this.#held.get(this.#next); next !== undefined; next = this.#held.get(this.#next)) {
      this.#held.delete(this.#next)
      this.#next += 1
      ready.push(next)
    }
    return ready
  }
}
