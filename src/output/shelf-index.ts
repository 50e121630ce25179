/** Where a waiting output is: a page, a place in it, and the lengths of its two parts, one after the other. */
export interface ShelfPlace {
  /** 0 where there are no bytes, or none of them are in pages. */
  readonly page: number
  readonly offset: number
  readonly stdoutBytes: number
  readonly stderrBytes: number
}

const BYTES_PER_PLACE = 17
const FEWEST_PLACES = 1024

/**
 * Knows for each waiting task where its output is, in 17 bytes a place: rings in flat arrays that grow with the distance
 * between the first task that has not been printed and the last one that waits.
 *
 *   place = index modulo capacity         base ▼             ▼ end
 *                                      [ .. | 7 | - | 9 | 10 | .. ]      "-" is still running
 */
export class ShelfIndex {
  #capacity = FEWEST_PLACES
  #rings = makeRings(FEWEST_PLACES)
  #base = 0
  #end = 0
  #count = 0

  /** How many tasks wait. */
  get count(): number {
    return this.#count
  }

  get memoryBytes(): number {
    return this.#capacity * BYTES_PER_PLACE
  }

  has(index: number): boolean {
    return index >= this.#base && index < this.#end && this.#rings.full[index % this.#capacity] === 1
  }

  /** Says that no task before this one will wait any more. */
  startAt(index: number): void {
    this.#base = Math.max(this.#base, index)
    this.#end = Math.max(this.#end, this.#base)
  }

  set(index: number, place: ShelfPlace): void {
    if (index - this.#base >= this.#capacity) this.#grow(index - this.#base + 1)
    const at = index % this.#capacity
    this.#rings.full[at] = 1
    this.#rings.page[at] = place.page
    this.#rings.offset[at] = place.offset
    this.#rings.stdoutBytes[at] = place.stdoutBytes
    this.#rings.stderrBytes[at] = place.stderrBytes
    this.#end = Math.max(this.#end, index + 1)
    this.#count += 1
  }

  /** The place of a task that waits; it waits no more. */
  take(index: number): ShelfPlace {
    const at = index % this.#capacity
    const place = {
      page: this.#rings.page[at]!,
      offset: this.#rings.offset[at]!,
      stdoutBytes: this.#rings.stdoutBytes[at]!,
      stderrBytes: this.#rings.stderrBytes[at]!,
    }
    this.#rings.full[at] = 0
    this.#count -= 1
    if (this.#count === 0 && this.#capacity > FEWEST_PLACES) this.#shrink()
    return place
  }

  /** The first task that waits; null when none does. */
  first(): number | null {
    if (this.#count === 0) return null
    let index = this.#base
    while (!this.has(index)) index += 1
    return index
  }

  #grow(needed: number): void {
    const [oldRings, oldCapacity] = [this.#rings, this.#capacity]
    while (this.#capacity < needed) this.#capacity *= 2
    this.#rings = makeRings(this.#capacity)
    for (let index = this.#base; index < this.#end; index++) {
      const [from, to] = [index % oldCapacity, index % this.#capacity]
      this.#rings.full[to] = oldRings.full[from]!
      this.#rings.page[to] = oldRings.page[from]!
      this.#rings.offset[to] = oldRings.offset[from]!
      this.#rings.stdoutBytes[to] = oldRings.stdoutBytes[from]!
      this.#rings.stderrBytes[to] = oldRings.stderrBytes[from]!
    }
  }

  #shrink(): void {
    this.#capacity = FEWEST_PLACES
    this.#rings = makeRings(FEWEST_PLACES)
    this.#end = this.#base
  }
}

function makeRings(capacity: number) {
  return {
    full: new Uint8Array(capacity),
    page: new Uint32Array(capacity),
    offset: new Uint32Array(capacity),
    stdoutBytes: new Uint32Array(capacity),
    stderrBytes: new Uint32Array(capacity),
  }
}
