import type { ShownRun } from './progress-state.js'

/** How many jobs there are at once, where that is not the `concurrency` of the run. */
export interface ShownJobs {
  /** How many there are. */
  get(): number
  /** From now on there are so many, 1 at the least. */
  set(jobs: number): void
}

/** What the keys have done so far. */
export class ProgressKeys {
  isHelpShown = false
  isStopping = false
  readonly #run: ShownRun
  readonly #jobs: ShownJobs

  constructor(run: ShownRun, jobs?: ShownJobs) {
    this.#run = run
    this.#jobs = jobs ?? {
      get: () => run.concurrency,
      set: (count) => {
        run.concurrency = count
      },
    }
  }

  /** Does what the key is for. What it has done, in words; null where there is nothing to say, undefined for a key that does nothing. */
  press(key: string): string | null | undefined {
    switch (key) {
      case 'q':
      case 'Q':
        return this.#stop()
      case 'p':
      case 'P':
        return this.#pause()
      case '+':
      case '=':
        return this.#changeJobs(1)
      case '-':
      case '_':
        return this.#changeJobs(-1)
      case '?':
      case 'h':
        this.isHelpShown = !this.isHelpShown
        return null
      default:
        return undefined
    }
  }

  #stop(): string {
    if (!this.isStopping)
      this.#run.halt('soon', { code: 'ERR_DROVER_HALTED', message: 'not started: the run was stopped by a key' })
    this.isStopping = true
    return 'what runs is finished, nothing more is started; Ctrl-C ends it now'
  }

  #pause(): string {
    const { steering } = this.#run
    if (this.isStopping || steering.stopped === true) return 'nothing more is started anyway'
    if (steering.paused) {
      steering.unpause()
      return 'it goes on'
    }
    steering.pause()
    return 'paused: what runs goes on, nothing more is started; p goes on'
  }

  #changeJobs(by: number): string {
    const before = this.#jobs.get()
    if (!Number.isFinite(before)) return 'there is no limit to how many run at once'
    const jobs = Math.max(1, before + by)
    if (jobs === before) return 'there is 1 job at once already; p pauses, q starts nothing more'
    this.#jobs.set(jobs)
    return `${jobs} ${jobs === 1 ? 'job' : 'jobs'} at once from now on`
  }
}
