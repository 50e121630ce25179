import type { ResultError, ResultState } from '../task/result.js'

/** What a report knows of one result, or of one attempt that was followed by another. */
export interface ReportRow {
  readonly isAttempt: boolean
  readonly state: ResultState
  /** The run that it is of, as its place among those of the report. */
  readonly run: number
  /** Position in the input, from 0. */
  readonly index: number
  readonly id: string | null
  readonly command: string
  readonly host: string
  /** Milliseconds since 1970, whole ones; null when it was never started. */
  readonly startMs: number | null
  /** Milliseconds, to the microsecond. */
  readonly durationMs: number
  /** Milliseconds, to the tenth. */
  readonly cpuUserMs: number | null
  readonly cpuSystemMs: number | null
  /** In units of 1,024 bytes. */
  readonly maxRssKib: number | null
  readonly exitCode: number | null
  readonly attempt: number
  readonly attempts: number
  readonly detail: RowDetail | null
}

/** What is only there for those that did not go well. */
export interface RowDetail {
  readonly signal?: string
  readonly error?: ResultError
  /** The end of it. */
  readonly stderr?: string
  readonly stdout?: string
  /** True sizes. */
  readonly stderrBytes: number
  readonly stdoutBytes: number
}

/** A run of a report. */
export interface ReportRun {
  readonly run: string
  /** ISO 8601 in UTC; null where the file has no head of it. */
  readonly startedAt: string | null
  readonly host: string | null
  readonly cwd: string | null
  readonly command: readonly string[]
}

/** A task that runs or waits for another attempt, in a report of a run that goes on. */
export interface RunningTask {
  readonly index: number
  readonly id: string | null
  readonly command: string
  readonly state: 'running' | 'waiting'
  readonly attempt: number
  /** Milliseconds since 1970; null while it waits. */
  readonly startMs: number | null
}

/** What a report says of itself. */
export interface ReportHead {
  /** What it was made of: the name of the journal; empty where there is none. */
  readonly source: string
  readonly version: string
  /** Milliseconds since 1970. */
  readonly madeAt: number
  readonly runs: readonly ReportRun[]
  readonly damagedLines: number
  /** How many that failed have no output here, for there were too many. */
  readonly withoutOutput: number
  /** How many ended that are not in it, for there were too many. */
  readonly leftOut: number
  readonly live: LiveHead | null
}

/** How a run that goes on stands. */
export interface LiveHead {
  readonly done: boolean
  /** How many tasks there are; null when that is not known. */
  readonly total: number | null
  /** The first of them. */
  readonly running: readonly RunningTask[]
  readonly runningCount: number
}
