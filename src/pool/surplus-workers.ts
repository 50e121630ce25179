import type { PoolWorker } from './pool-worker.js'

/** Workers that are more than there may be since the maximum was lowered: they exit when they have answered. */
export class SurplusWorkers {
  readonly #workers = new Set<PoolWorker>()

  /** Has so many go that no more than these are left; those that had to and need not any more stay. */
  fit(workers: Iterable<PoolWorker>, max: number): void {
    for (const worker of this.#workers) worker.isRetired = false
    this.#workers.clear()
    const all = [...workers].sort(byUselessness)
    for (const worker of all.slice(0, Math.max(0, all.length - max))) this.#dismiss(worker)
  }

  /** One worker has ended: where it was not one of these, one of them may stay for it. */
  onEnded(ended: PoolWorker): void {
    if (this.#workers.size === 0 || this.#workers.delete(ended)) return
    const [kept] = this.#workers
    this.#workers.delete(kept!)
    kept!.isRetired = false
  }

  #dismiss(worker: PoolWorker): void {
    if (worker.isIdle || worker.isStarting) return worker.leave()
    if (worker.isRetired) return
    worker.isRetired = true
    this.#workers.add(worker)
  }
}

/** Those that can go with the least loss first. */
function byUselessness(a: PoolWorker, b: PoolWorker): number {
  return usefulness(a) - usefulness(b)
}

function usefulness(worker: PoolWorker): number {
  if (worker.isRetired) return 0
  if (worker.isStarting) return 1
  if (worker.isIdle) return 2
  return worker.isLeased ? 4 : 3
}
