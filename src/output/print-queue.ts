import { ignore, type Maybe } from './maybe.js'

/**
 * Runs one job after the other, so that what two of them print is never mixed. Without a job under way a job runs at
 * once, and where it has nothing to wait for no promise is made. A job that fails holds up nothing.
 */
export class PrintQueue {
  #last: Promise<void> | null = null

  /** The outcome of the job. */
  run(job: () => Maybe): Maybe {
    if (this.#last !== null) return this.#follow(this.#last.then(job))
    const running = job()
    return running === undefined ? undefined : this.#follow(running)
  }

  #follow(running: Promise<void>): Promise<void> {
    const clear = () => {
      if (this.#last === ended) this.#last = null
    }
    const ended: Promise<void> = running.then(clear, clear)
    this.#last = ended
    // The queue is idle again before the caller goes on, or its next job would have to wait for no reason.
    const outcome = ended.then(() => running)
    outcome.catch(ignore)
    return outcome
  }
}
