import type { ResultError, ResultState } from '../../task/result.js'

/** How far a run is; what `progress()` of a run gives. */
export interface ProgressSnapshot {
  /** How many tasks there will be; null while nobody knows. */
  readonly total: number | null
  /** Read and not started. */
  readonly queued: number
  /** Started, and without a result. */
  readonly running: number
  /** With a final result. */
  readonly done: number
  /** Done by an earlier run. */
  readonly alreadyDone?: number
  /** How many results there are of each kind. */
  readonly byState: Readonly<Record<ResultState, number>>
  /** Results a second; null while it is not known. */
  readonly ratePerSecond: number | null
  /** Milliseconds until all is done; null while it is not known. */
  readonly etaMs: number | null
}

/** A task that runs, as `run.steering.tasks()` tells of it. */
export interface ShownTask {
  /** Position in the input, from 0. */
  readonly index: number
  /** The user's name for it; null when it has none. */
  readonly id: string | null
  /** What waits is not shown. */
  readonly state: 'running' | 'waiting'
  /** Milliseconds since it was started. */
  readonly durationMs: number
  /** What it runs, for people. */
  readonly command: string
}

/** A run that progress is shown of: one of `dispatch()`, or a `Dispatcher`. */
export interface ShownRun {
  /** How many tasks at once. */
  concurrency: number
  /** Lets it be paused, and tells of its tasks. */
  readonly steering: {
    readonly paused: boolean
    /** Whether nothing will be started any more. Default: false. */
    readonly stopped?: boolean
    pause(): void
    unpause(): void
    /** Those that run, the longest first, and so many at the most. */
    tasks(most: number): readonly ShownTask[]
  }
  /** How it stands at this moment. */
  progress(): ProgressSnapshot
  /** Starts nothing more. */
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
