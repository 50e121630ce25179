/**
 * A few values by number, in the order they came, for what comes and goes quickly. A Map would do, but for the garbage collector:
 * the tables that a Map has outgrown refer to the next ones, so one of them that has become old keeps alive, until the
 * next full collection, whatever was in all that followed.
 */
export class ShortMap<Value> {
  readonly #numbers: number[] = []
  readonly #values: Value[] = []

  get size(): number {
    return this.#numbers.length
  }

  /** The one that so many came before. */
  at(place: number): Value | undefined {
    return this.#values[place]
  }

  get(number: number): Value | undefined {
    const place = this.#numbers.indexOf(number)
    return place === -1 ? undefined : this.#values[place]
  }

  /** Adds it; the number must not be there. */
  add(number: number, value: Value): void {
    this.#numbers.push(number)
    this.#values.push(value)
  }

  /** @returns whether it was there. */
  delete(number: number): boolean {
    const place = this.#numbers.indexOf(number)
    if (place === -1) return false
    if (place === 0) {
      this.#numbers.shift()
      this.#values.shift()
    } else {
      this.#numbers.splice(place, 1)
      this.#values.splice(place, 1)
    }
    return true
  }

  /** As they are now: what is added or deleted meanwhile makes no difference. */
  values(): Value[] {
    return [...this.#values]
  }
}
