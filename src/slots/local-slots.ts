/**
 * Permission to start, counted within this process. A task takes as many slots as its weight, all or none; one that
 * weighs more than there are slots runs when nothing else does.
 */
export class LocalSlots {
  #limit: number
  #used = 0
  #holders = 0

  /** @param limit - slots in all, at least 1; Infinity is no limit. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get limit(): number {
    return this.#limit
  }

  /** A lower limit takes nothing away; it holds for what starts from now on. */
  set limit(limit: number) {
    this.#limit = limit
  }

  /** Slots that are taken, by weight. */
  get used(): number {
    return this.#used
  }

  /** How many hold slots. */
  get holders(): number {
    return this.#holders
  }

  fits(weight: number): boolean {
    return this.#holders === 0 || this.#used + weight <= this.#limit
  }

  tryAcquire(weight: number): boolean {
    if (!this.fits(weight)) return false
    this.acquire(weight)
    return true
  }

  /** Takes slots whether or not they are free. */
  acquire(weight: number): void {
    this.#used += weight
    this.#holders += 1
  }

  release(weight: number): void {
    this.#used -= weight
    this.#holders -= 1
  }
}

/** Numbers the slots from 1: each start gets the lowest number that is free. */
export class SlotNumbers {
  /** Free numbers below `#next`, the lowest last. */
  readonly #free: number[] = []
  #next = 1

  take(): number {
    return this.#free.pop() ?? this.#next++
  }

  giveBack(number: number): void {
    let place = this.#free.length
    while (place > 0 && this.#free[place - 1]! < number) place -= 1
    this.#free.splice(place, 0, number)
  }
}
