import type { ServerConnection } from './server-options.js'

/** Requests that the launcher answers with a number. */
export class ServerAnswers {
  readonly #server: ServerConnection
  readonly #waiting = new Map<number, (count: number) => void>()
  #requests = 0

  constructor(server: ServerConnection) {
    this.#server = server
  }

  /** Sends a request. @returns the number that answers it; 0 when the launcher is gone meanwhile. */
  ask(type: number, bound: number, write: () => void): Promise<number> {
    const { writer } = this.#server
    this.#requests += 1
    const id = this.#requests
    writer.begin(type, 0, id, bound)
    write()
    writer.end()
    this.#server.hold(1)
    return new Promise((resolve) => this.#waiting.set(id, resolve))
  }

  handle(id: number, count: number): void {
    const answer = this.#waiting.get(id)
    this.#waiting.delete(id)
    this.#server.release()
    answer?.(count)
  }

  /** The launcher is gone. */
  end(): void {
    for (const answer of this.#waiting.values()) answer(0)
    this.#waiting.clear()
  }
}
