/** A task that this worker may run as long as its lock on the server is renewed. */
export interface Lease {
  readonly jobId: string
  /** When the lock is gone at the earliest, by `performance.now()`. */
  untilMs: number
  isEnding: boolean
  /** Ends the task's tree within so many milliseconds. */
  end(graceMs: number): void
}

export interface LeasesOptions {
  /** How long a lock lasts that is not renewed. */
  readonly lockMs: number
  /** How long a task may take to end by itself. */
  readonly killGraceMs: number
}

/**
 * Sees to it that no task runs without a lock. When the server cannot be reached a lock is not renewed, and whoever is told by the server
 * that it has expired runs the task elsewhere; so it has to be gone here before that, and with some time to spare:
 *
 *   renewed ─────────── TERM ──── KILL ── expired
 *                         └ grace ┘└ margin ┘
 */
export class Leases {
  readonly #options: LeasesOptions
  readonly #marginMs: number
  readonly #graceMs: number
  readonly #leases = new Map<string, Lease>()
  readonly #timer: NodeJS.Timeout

  constructor(options: LeasesOptions) {
    this.#options = options
    this.#marginMs = options.lockMs / 10
    this.#graceMs = Math.min(options.killGraceMs, options.lockMs / 4)
    this.#timer = setInterval(() => this.#check(), options.lockMs / 40)
  }

  get size(): number {
    return this.#leases.size
  }

  [Symbol.iterator](): Iterator<Lease> {
    return this.#leases.values()
  }

  get(jobId: string): Lease | undefined {
    return this.#leases.get(jobId)
  }

  /** @param ageMs - how long ago the lock was asked for. */
  add(jobId: string, ageMs: number, end: Lease['end']): Lease {
    const untilMs = performance.now() - Math.max(ageMs, 0) + this.#options.lockMs
    const lease: Lease = { jobId, untilMs, isEnding: false, end }
    this.#leases.set(jobId, lease)
    return lease
  }

  remove(lease: Lease): void {
    if (this.#leases.get(lease.jobId) === lease) this.#leases.delete(lease.jobId)
  }

  renewed(jobIds: readonly string[], askedAtMs: number): void {
    for (const id of jobIds) {
      const lease = this.#leases.get(id)
      if (lease !== undefined) lease.untilMs = Math.max(lease.untilMs, askedAtMs + this.#options.lockMs)
    }
  }

  /** Somebody else may be running these by now. */
  lost(jobIds: readonly string[]): void {
    for (const id of jobIds) {
      const lease = this.#leases.get(id)
      if (lease === undefined) continue
      lease.isEnding = true
      lease.end(0)
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #check(): void {
    const now = performance.now()
    for (const lease of this.#leases.values()) {
      const killAtMs = lease.untilMs - this.#marginMs
      if (lease.isEnding || now < killAtMs - this.#graceMs) continue
      lease.isEnding = true
      lease.end(Math.max(0, killAtMs - now))
    }
  }
}
