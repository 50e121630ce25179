import type { PoolStats, ProcessPool } from '../../src/index.js'

const COUNTS = ['running', 'spare', 'starting', 'leaving', 'queued', 'inFlight', 'answered', 'rejected'] as const

/** Looks at a pool's counts at each of its events and every few milliseconds, and notes those that cannot be. */
export class Sampler {
  readonly problems: string[] = []
  samples = 0
  readonly #pool: ProcessPool
  readonly #limits: { readonly max: number; readonly maxQueue: number; readonly pipeline: number }
  readonly #timer: NodeJS.Timeout
  readonly #look = () => this.look()

  constructor(pool: ProcessPool, limits: { max: number; maxQueue?: number; pipeline?: number }) {
    this.#pool = pool
    this.#limits = { maxQueue: Number.POSITIVE_INFINITY, pipeline: 1, ...limits }
    for (const event of ['start', 'exit', 'output'] as const) pool.on(event, this.#look)
    this.#timer = setInterval(this.#look, 3)
  }

  look(): PoolStats {
    const stats = this.#pool.stats()
    const { max, maxQueue, pipeline } = this.#limits
    this.samples += 1
    const bad =
      COUNTS.some((name) => !Number.isInteger(stats[name]) || stats[name] < 0) ||
      stats.running + stats.spare + stats.starting > max ||
      stats.inFlight > (stats.running + stats.starting) * pipeline ||
      stats.queued > maxQueue ||
      !(stats.utilisation >= 0 && stats.utilisation <= 1)
    if (bad) this.problems.push(JSON.stringify(stats))
    return stats
  }

  stop(): void {
    clearInterval(this.#timer)
    for (const event of ['start', 'exit', 'output'] as const) this.#pool.off(event, this.#look)
  }
}
