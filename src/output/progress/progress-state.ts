import type { ResultError, ResultState } from '../../task/result.js'

/** How far a run is; what `progress()` of a run gives. */
export interface ProgressSnapshot {
  /** How many tasks there will be; null while nobody knows. */
  readonly total: number | null
  readonly queued: number
  readonly running: number
  readonly done: number
  /** Done by an earlier run. */
  readonly alreadyDone?: number
  readonly byState: Readonly<Record<ResultState, number>>
  readonly ratePerSecond: number | null
  readonly etaMs: number | null
}

/** A task that runs, as `run.steering.tasks()` tells of it. */
export interface ShownTask {
  readonly index: number
  readonly id: string | null
  readonly state: 'running' | 'waiting'
  readonly durationMs: number
  readonly command: string
}

/** A run that progress is shown of: one of `dispatch()`, or a `Dispatcher`. */
export interface ShownRun {
  /** How many tasks at once. */
  concurrency: number
  readonly steering: {
    readonly paused: boolean
    pause(): void
    unpause(): void
    /** Those that run, the longest first, and so many at the most. */
    tasks(most: number): readonly ShownTask[]
  }
  progress(): ProgressSnapshot
  halt(when: 'soon' | 'now', reason?: ResultError): void
}

/** A task that runs. */
export interface RunningTask {
  /** Its id, or `#` and its number. */
  readonly name: string
  readonly command: string
  readonly elapsedMs: number
  /** How many times longer it has run than tasks usually do; null where that is nothing to tell of. */
  readonly timesUsual: number | null
}

/** A task that failed. */
export interface FailedTask {
  readonly name: string
  /** Null where the input was too bad to tell. */
  readonly command: string | null
  /** As in `exit 3`, `SIGSEGV`, `timed out`. */
  readonly end: string
  /** The first words that it printed to standard error, as far as they are known; may be empty. */
  readonly stderr: string
}

/** All that is shown of a run at one moment. */
export interface ProgressState {
  /** Null while nobody knows. */
  readonly total: number | null
  /** With a result, of an earlier run too. */
  readonly done: number
  readonly failed: number
  readonly running: number
  /** Those that were not read yet too, where the total is known. */
  readonly queued: number
  readonly ratePerSecond: number | null
  readonly etaMs: number | null
  readonly phase: 'going' | 'paused' | 'stopping'
  /** The longest first; only the first of them. */
  readonly longest: readonly RunningTask[]
  /** The latest first. */
  readonly failures: readonly FailedTask[]
  /** What a key has just done. */
  readonly notice: string | null
  /** Whether it says what the keys do; null where there are no keys. */
  readonly help: boolean | null
}
