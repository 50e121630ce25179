/**
 * A start is known to the whole millisecond, so that what ends up to one after the next has started may well have ended before.
 */
export const START_PRECISION_MS = 1

export interface Lanes {
  /** The lane of each interval, from 0; -1 for those that are none. */
  readonly laneOf: Int32Array
  /** The lane with the most intervals at once has this many; how many there are by group. */
  readonly counts: readonly number[]
}

/**
 * Puts intervals into as few lanes as hold them without overlapping: each into the lowest that is free when it starts. A journal does not say
 * in which slot a task ran; where all slots were busy all the time, lanes are the slots by another numbering.
 *
 * @param starts - milliseconds; NaN for none.
 * @param durations - milliseconds.
 * @param groups - which intervals may share a lane at all: a number from 0 for each, as of its host.
 */
export function packLanes(
  starts: ArrayLike<number>,
  durations: ArrayLike<number>,
  groups: ArrayLike<number>,
  length: number = starts.length,
): Lanes {
  const laneOf = new Int32Array(length).fill(-1)
  const order: number[] = []
  for (let at = 0; at < length; at++) if (!Number.isNaN(starts[at]!)) order.push(at)
  const byStart = Uint32Array.from(order).sort(
    (a, b) => starts[a]! - starts[b]! || durations[a]! - durations[b]! || a - b,
  )
  const packed: Packing[] = []
  for (const at of byStart) {
    const group = groups[at]!
    while (packed.length <= group) packed.push(new Packing())
    laneOf[at] = packed[group]!.place(starts[at]!, starts[at]! + durations[at]!)
  }
  return { laneOf, counts: packed.map(({ count }) => count) }
}

/** The lanes of one group, for intervals in the order of their starts. */
class Packing {
  count = 0
  readonly #free = new Heap()
  readonly #busy = new Heap()

  place(start: number, end: number): number {
    while (this.#busy.size > 0 && this.#busy.leastKey < start + START_PRECISION_MS) {
      const lane = this.#busy.pop()
      this.#free.push(lane, lane)
    }
    const lane = this.#free.size > 0 ? this.#free.pop() : this.count++
    this.#busy.push(end, lane)
    return lane
  }
}

/** Gives the value with the least key first. */
class Heap {
  readonly #keys: number[] = []
  readonly #values: number[] = []

  get size(): number {
    return this.#keys.length
  }

  get leastKey(): number {
    return this.#keys[0]!
  }

  push(key: number, value: number): void {
    let at = this.#keys.length
    this.#keys.push(key)
    this.#values.push(value)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#keys[parent]! <= key) break
      this.#swap(at, parent)
      at = parent
    }
  }

  pop(): number {
    const value = this.#values[0]!
    this.#swap(0, this.#keys.length - 1)
    this.#keys.pop()
    this.#values.pop()
    for (let at = 0; ; ) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#keys.length && this.#keys[child]! < this.#keys[least]!) least = child
      }
      if (least === at) return value
      this.#swap(at, least)
      at = least
    }
  }

  #swap(a: number, b: number): void {
    const [keys, values] = [this.#keys, this.#values]
    ;[keys[a], keys[b]] = [keys[b]!, keys[a]!]
    ;[values[a], values[b]] = [values[b]!, values[a]!]
  }
}
