/** What was seen of the machine at one moment; null for what was not looked at. */
export interface Sample {
  /** Threads that run or want to, without the one that looks. */
  readonly runnable: number | null
  readonly availableBytes: number | null
  /** Percent of the last ten seconds in which something had to wait. */
  readonly pressure: Readonly<Record<PressureKind, number>> | null
}

/** What is short, in the kernel's measure of pressure. */
export type PressureKind = 'cpu' | 'memory' | 'io'

/** What follows from it: how many may start before the next look, or that the youngest has to make way. */
export type Decision = number | 'shed'

/** Decides by what is seen of the machine, and by nothing else. */
export interface AdmissionPolicy {
  decide(sample: Sample): Decision
  /** What is missing, for people. */
  readonly words: string
}

/** How many looks count as one: what runs at one moment says little. */
const LOOKS = 4

/** Lets as many start as there is room below a number of runnable threads, on average over the last looks. */
export class LoadPolicy implements AdmissionPolicy {
  readonly #most: number
  readonly #seen: number[] = []

  constructor(most: number) {
    this.#most = most
  }

  get words(): string {
    return `the load is to be below ${this.#most}`
  }

  decide({ runnable }: Sample): Decision {
    this.#seen.push(runnable ?? 0)
    if (this.#seen.length > LOOKS) this.#seen.shift()
    const mean = this.#seen.reduce((sum, count) => sum + count, 0) / this.#seen.length
    return Math.max(0, Math.ceil(this.#most - mean))
  }
}

/** Lets one start while so much memory is available; below half of it the youngest makes way. */
export class MemoryPolicy implements AdmissionPolicy {
  readonly #leastBytes: number

  constructor(leastBytes: number) {
    this.#leastBytes = leastBytes
  }

  get words(): string {
    return `${this.#leastBytes} bytes of memory are to be free`
  }

  decide({ availableBytes }: Sample): Decision {
    const bytes = availableBytes ?? Number.POSITIVE_INFINITY
    if (bytes < this.#leastBytes / 2) return 'shed'
    // What was started a moment ago has not taken its memory yet.
    return bytes >= this.#leastBytes ? 1 : 0
  }
}

/** Lets one start while nothing has to wait for longer than allowed. */
export class PressurePolicy implements AdmissionPolicy {
  readonly #most: Readonly<Partial<Record<PressureKind, number>>>

  constructor(most: Readonly<Partial<Record<PressureKind, number>>>) {
    this.#most = most
  }

  get words(): string {
    const limits = Object.entries(this.#most).map(([kind, percent]) => `${kind} ${percent}%`)
    return `the pressure is to be below ${limits.join(', ')}`
  }

  decide({ pressure }: Sample): Decision {
    const isBelow = Object.entries(this.#most).every(([kind, most]) => (pressure?.[kind as PressureKind] ?? 0) < most)
    return isBelow ? 1 : 0
  }
}
