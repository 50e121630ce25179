/** What the queue needs to know of its members. */
export interface Queued {
  readonly priority: number
  /** Earlier ones first among equals; no two are the same. */
  readonly order: number
}

/**
 * Waiting tasks: the highest priority first, and in the order they came among equals. A binary heap in one array:
 *
 *        0
 *      1   2       the parent of place p is (p - 1) >> 1
 *     3 4 5 6
 */
export class TaskQueue<T extends Queued> {
  #heap: T[] = []

  get size(): number {
    return this.#heap.length
  }

  peek(): T | undefined {
    return this.#heap[0]
  }

  push(member: T): void {
    const heap = this.#heap
    let place = heap.length
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!isBefore(member, heap[parent]!)) break
      heap[place] = heap[parent]!
      place = parent
    }
    heap[place] = member
  }

  pop(): T | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || heap.length === 0) return first
    this.#sink(last!)
    return first
  }

  *[Symbol.iterator](): Generator<T> {
    yield* this.#heap
  }

  /** Takes one out that need not be the first; false when it is not in it. As slow as the queue is long. */
  remove(member: T): boolean {
    const place = this.#heap.indexOf(member)
    if (place === -1) return false
    const last = this.#heap.pop()!
    if (last === member) return true
    const rest = this.#heap.splice(place)
    rest[0] = last
    for (const each of rest) this.push(each)
    return true
  }

  /** Takes all out, in order. */
  drain(): T[] {
    const all = this.#heap.sort((a, b) => (isBefore(a, b) ? -1 : 1))
    this.#heap = []
    return all
  }

  #sink(member: T): void {
    const heap = this.#heap
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (!isBefore(heap[child]!, member)) break
      heap[place] = heap[child]!
      place = child
    }
    heap[place] = member
  }
}

function isBefore(a: Queued, b: Queued): boolean {
  return a.priority === b.priority ? a.order < b.order : a.priority > b.priority
}
