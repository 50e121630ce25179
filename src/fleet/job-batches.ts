import type { TaskJobSpec } from './task-jobs.js'

/** Jobs in one call to the server, at the most. */
const MOST_JOBS = 500
/** Bytes in one call, about. */
const MOST_BYTES = 1024 * 1024
/** How long a job waits for others to go with. */
const PATIENCE_MS = 20

/** Gathers jobs into calls of moderate size. While one is on its way, the next is gathered. */
export class JobBatches {
  readonly #send: (jobs: TaskJobSpec[]) => Promise<void>
  #jobs: TaskJobSpec[] = []
  #bytes = 0
  #timer: NodeJS.Timeout | null = null
  #sending: Promise<void> | null = null
  #failure: { error: unknown } | null = null

  constructor(send: (jobs: TaskJobSpec[]) => Promise<void>) {
    this.#send = send
  }

  /** @returns a promise to wait for where no more can be gathered. @throws what sending has thrown. */
  add(job: TaskJobSpec): Promise<void> | undefined {
    if (this.#failure !== null) throw this.#failure.error
    this.#jobs.push(job)
    this.#bytes += job.data.task.length
    if (this.#jobs.length < MOST_JOBS && this.#bytes < MOST_BYTES) {
      this.#timer ??= setTimeout(() => void this.#flush().catch(() => {}), PATIENCE_MS)
      return undefined
    }
    return this.#flush()
  }

  /** Sends what is there. @throws (as a rejection) what sending has thrown. */
  async end(): Promise<void> {
    while (this.#jobs.length > 0 || this.#sending !== null) await this.#flush()
    if (this.#failure !== null) throw this.#failure.error
  }

  /** Resolves when what was gathered is on its way, so that more can be. */
  async #flush(): Promise<void> {
    await this.#sending
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#failure !== null) throw this.#failure.error
    if (this.#jobs.length === 0) return
    const jobs = this.#jobs
    this.#jobs = []
    this.#bytes = 0
    this.#sending = this.#send(jobs).then(
      () => {
        this.#sending = null
      },
      (error) => {
        this.#sending = null
        this.#failure = { error }
      },
    )
  }
}
