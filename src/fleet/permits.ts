import type { Backend, TaskJob, TaskQueue, TaskWorker } from './backend.js'
import { closeOrLetGo } from './let-go.js'

/** The right to run one task, for as long as it is renewed. */
export interface Permit {
  release(): Promise<void>
}

/** How often one that waits asks again. */
const ASK_MS = 100
/** For how long it is believed that a tag has no limits. */
const UNLIMITED_MS = 3_000

/** The queue whose jobs are the permits of a tag: BullMQ gives out no more of them than its limits say. */
export function permitQueue(queue: string, tag: string): string {
  return `${queue}~tag~${tag}`
}

/**
 * Limits that hold for all tasks of a tag, on all machines together. A permit is a job of a queue of the tag's own: whoever wants one adds
 * a job to it and takes any; BullMQ counts those that are taken and when, and takes back those whose holder is gone.
 */
export class Permits {
  readonly #backend: Backend
  readonly #lockMs: number
  readonly #tags = new Map<string, TagPermits>()

  constructor(backend: Backend, lockMs: number) {
    this.#backend = backend
    this.#lockMs = lockMs
  }

  /**
   * @param mayWait - asked before each further try.
   * @returns null when it did not get one.
   */
  take(tag: string, mayWait: () => boolean): Promise<Permit | null> {
    let permits = this.#tags.get(tag)
    if (permits === undefined) {
      permits = new TagPermits(this.#backend, tag, this.#lockMs)
      this.#tags.set(tag, permits)
    }
    return permits.take(mayWait)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#tags.values()].map((permits) => permits.close()))
  }
}

const FREE: Permit = { release: async () => {} }

class TagPermits {
  readonly #queue: TaskQueue
  readonly #worker: TaskWorker
  readonly #lockMs: number
  readonly #held = new Map<string, string>()
  readonly #renewer: NodeJS.Timeout
  #count = 0
  #unlimitedUntilMs = 0

  constructor(backend: Backend, tag: string, lockMs: number) {
    const name = permitQueue(backend.address.queue, tag)
    this.#lockMs = lockMs
    this.#queue = backend.queue(name)
    this.#worker = backend.takerOf(name, { lockDuration: lockMs, stalledInterval: lockMs / 2 })
    void this.#worker.startStalledCheckTimer()
    this.#renewer = setInterval(() => void this.#renew(), lockMs / 4)
  }

  async take(mayWait: () => boolean): Promise<Permit | null> {
    if (await this.#isUnlimited()) return FREE
    const added = await this.#queue.add('permit', null as never, { removeOnComplete: true })
    const token = `${this.#worker.id}:${this.#count++}`
    for (;;) {
      const job = (await this.#worker.getNextJob(token, { block: false })) as TaskJob | undefined
      if (job !== undefined) return this.#permit(job, token)
      if (!mayWait()) break
      await new Promise((resolve) => setTimeout(resolve, ASK_MS))
    }
    // Somebody else may have taken this very one, who then has left one of theirs.
    await added.remove().catch(() => {})
    return null
  }

  async close(): Promise<void> {
    clearInterval(this.#renewer)
    await closeOrLetGo([this.#worker, this.#queue])
  }

  #permit(job: TaskJob, token: string): Permit {
    this.#held.set(job.id!, token)
    return {
      release: async () => {
        this.#held.delete(job.id!)
        // One that is gone by now was taken back.
        await job.moveToCompleted('', token, false).catch(() => {})
      },
    }
  }

  async #isUnlimited(): Promise<boolean> {
    if (performance.now() < this.#unlimitedUntilMs) return true
    const [concurrency, rate] = await Promise.all([
      this.#queue.getGlobalConcurrency(),
      this.#queue.getGlobalRateLimit(),
    ])
    if (concurrency !== null || rate !== null) return false
    this.#unlimitedUntilMs = performance.now() + UNLIMITED_MS
    return true
  }

  async #renew(): Promise<void> {
    if (this.#held.size === 0) return
    const held = [...this.#held]
    await this.#worker
      .extendJobLocks(
        held.map(([id]) => id),
        held.map(([, token]) => token),
        this.#lockMs,
      )
      .catch(() => {})
  }
}
