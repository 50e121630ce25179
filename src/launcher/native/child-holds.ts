import type { ServerConnection } from './server-options.js'

/** What of a child keeps the event loop alive, unless it is not to: the process, and each open stream. */
export class ChildHolds {
  readonly #server: ServerConnection
  #count: number
  #isReferenced = true

  constructor(server: ServerConnection, count: number) {
    this.#server = server
    this.#count = count
    server.hold(count)
  }

  /** One of them is over. */
  release(): void {
    this.#count -= 1
    if (this.#isReferenced) this.#server.release()
  }

  unref(): void {
    if (!this.#isReferenced) return
    this.#isReferenced = false
    for (let n = 0; n < this.#count; n++) this.#server.release()
  }

  ref(): void {
    if (this.#isReferenced) return
    this.#isReferenced = true
    this.#server.hold(this.#count)
  }
}
