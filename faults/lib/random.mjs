/** Random numbers that are the same each time for the same seed (mulberry32, seeded by FNV-1a). */
export class Random {
  #state

  /** @param {string} seed */
  constructor(seed) {
    let hash = 0x811c9dc5
    for (const byte of Buffer.from(seed)) hash = Math.imul(hash ^ byte, 0x01000193)
    this.#state = hash >>> 0
  }

  /** From 0 to 1, without 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /**
   * @param {number} least
   * @param {number} most
   * @returns {number} A whole number, both bounds included.
   */
  whole(least, most) {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  /**
   * @template T
   * @param {readonly T[]} list
   * @returns {T}
   */
  pick(list) {
    return /** @type {T} */ (list[this.whole(0, list.length - 1)])
  }

  /** @param {number} probability */
  chance(probability) {
    return this.next() < probability
  }
}
