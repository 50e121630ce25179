import type { PoolWorker } from './pool-worker.js'

/** Workers with nothing to do, the one that was busy last at the end; others are taken out when they are come across. */
export class IdleWorkers {
  readonly #listed: PoolWorker[] = []

  add(worker: PoolWorker): void {
    if (!worker.isListed) this.#listed.push(worker)
    worker.isListed = true
  }

  /** The one that was busy last. It stays. */
  last(): PoolWorker | undefined {
    for (let last = this.#listed.at(-1); last !== undefined; last = this.#listed.at(-1)) {
      if (last.isIdle && last.hasRoom) return last
      last.isListed = false
      this.#listed.pop()
    }
    return undefined
  }

  delete(worker: PoolWorker): void {
    if (worker.isListed) this.#listed.splice(this.#listed.indexOf(worker), 1)
  }
}
