/** Tells from what a server says of itself for how long nobody but its keeper has used it. */
export class IdleClock {
  readonly #idleMs: number
  readonly #now: () => number
  #usedAtMs: number
  #connections: string | null = null

  /** @param now - milliseconds on a clock that never goes back. */
  constructor(idleMs: number, now: () => number = () => performance.now()) {
    this.#idleMs = idleMs
    this.#now = now
    this.#usedAtMs = now()
  }

  /**
   * @param info - what `INFO clients` and `INFO stats` say, asked over the keeper's one connection.
   * @returns whether it has been idle for long enough.
   */
  look(info: string): boolean {
    const connections = /^total_connections_received:(\d+)/m.exec(info)?.[1] ?? null
    const clients = Number(/^connected_clients:(\d+)/m.exec(info)?.[1] ?? Number.POSITIVE_INFINITY)
    // One may have come and gone between two looks.
    if (clients > 1 || connections !== this.#connections) this.#usedAtMs = this.#now()
    this.#connections = connections
    return this.#now() - this.#usedAtMs >= this.#idleMs
  }
}
