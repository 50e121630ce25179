import { encodeRequest } from './conversations.js'
import type { Crew } from './crew.js'
import { Exchange } from './exchange.js'
import type { CheckedPoolOptions } from './pool-options.js'
import type { PoolWorker } from './pool-worker.js'
import { residentMemory } from './resident-memory.js'

/**
 * Looks after the workers from time to time: how old they are, how long they have had nothing to do, how much memory they
 * use, whether they are well. Nothing of it keeps the event loop alive.
 */
export class Upkeep {
  readonly #crew: Crew
  readonly #options: CheckedPoolOptions
  #timer: NodeJS.Timeout | null = null

  constructor(crew: Crew, options: CheckedPoolOptions) {
    this.#crew = crew
    this.#options = options
  }

  /** Begins, unless it has, or there is nothing to look after. */
  begin(): void {
    const { maxAgeMs, maxIdleMs, recycleMemoryBytes, healthCheckMs, checkIntervalMs } = this.#options
    if (this.#timer !== null || maxAgeMs + maxIdleMs + recycleMemoryBytes + healthCheckMs === 0) return
    this.#timer = setInterval(() => this.#look(), checkIntervalMs)
    this.#timer.unref()
  }

  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  #look(): void {
    this.#lookAtMemory()
    this.#lookAtAges()
    this.#lookAtIdle()
    this.#lookAtHealth()
  }

  #lookAtMemory(): void {
    const { recycleMemoryBytes } = this.#options
    if (recycleMemoryBytes === 0) return
    const workers = [...this.#crew.workers].filter((worker) => worker.pid !== null)
    const memory = residentMemory(new Set(workers.map((worker) => worker.pid!)))
    for (const worker of workers) {
      const bytes = memory.get(worker.pid!) ?? 0
      // One that is too large from the start would be replaced for ever, and nothing done.
      if (bytes > recycleMemoryBytes && worker.requests.isUsed) retire(worker)
    }
  }

  #lookAtAges(): void {
    const { maxAgeMs } = this.#options
    if (maxAgeMs === 0) return
    const now = performance.now()
    for (const worker of [...this.#crew.workers]) {
      if (!worker.isStarting && now - worker.startedMs > maxAgeMs) retire(worker)
    }
  }

  #lookAtIdle(): void {
    const { maxIdleMs, min } = this.#options
    if (maxIdleMs === 0) return
    const now = performance.now()
    const idle = [...this.#crew.workers].filter((worker) => worker.isIdle && now - worker.requests.sinceMs > maxIdleMs)
    idle.sort((a, b) => a.requests.sinceMs - b.requests.sinceMs)
    for (const worker of idle.slice(0, Math.max(0, this.#crew.workers.size - min))) worker.leave()
  }

  #lookAtHealth(): void {
    const { healthCheckMs } = this.#options
    if (healthCheckMs === 0) return
    const now = performance.now()
    for (const worker of [...this.#crew.workers]) {
      if (worker.isIdle && now - Math.max(worker.requests.sinceMs, worker.checkedMs) >= healthCheckMs)
        this.#check(worker)
    }
  }

  #check(worker: PoolWorker): void {
    const { healthTimeoutMs } = this.#options
    // To be asked is not to have something to do.
    const { sinceMs } = worker.requests
    worker.isChecked = true
    const what = `did not answer a health check within ${healthTimeoutMs} ms`
    const timer = setTimeout(() => worker.fail({ code: 'ERR_DROVER_WORKER_DIED', what }), healthTimeoutMs)
    timer.unref()
    const done = () => {
      clearTimeout(timer)
      worker.isChecked = false
      worker.requests.onPong = null
      worker.checkedMs = performance.now()
      worker.requests.sinceMs = sinceMs
      if (!worker.hasEnded) this.#crew.onRoom(worker)
    }
    if (worker.requests.canPing) {
      worker.requests.onPong = done
      worker.requests.ping()
    } else {
      worker.requests.check(this.#healthExchange(done))
      worker.process.hold(false)
    }
  }

  #healthExchange(done: () => void): Exchange {
    const value = encodeRequest(this.#options, this.#options.healthRequest)
    const terms = { value, priority: 0, order: 0, timeoutMs: 0, retries: 0 }
    return new Exchange(terms, this.#options, done, done)
  }
}

/** Has it replaced as soon as it has answered what it has. */
function retire(worker: PoolWorker): void {
  worker.isRetired = true
  if (worker.isIdle) worker.leave()
}
