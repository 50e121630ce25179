import type { Text } from './task.js'

/**
 * What became of a task.
 *
 * Conclusive: `succeeded`; `failed` (exit code not 0); `timed-out`; `killed` (died by a signal when drover had sent
 * none); `spawn-failed` (never started, `error` says why). Not conclusive, so that a resumed run tries again:
 * `cancelled` (ended by drover: halt, abort, shutdown); `skipped` (never started: halt); `lost` (launcher or host died
 * under it); `invalid` (the input was bad). The first cause wins.
 */
export type ResultState =
  | 'succeeded'
  | 'failed'
  | 'timed-out'
  | 'killed'
  | 'spawn-failed'
  | 'cancelled'
  | 'skipped'
  | 'lost'
  | 'invalid'

/** All states there are. */
export const RESULT_STATES: readonly ResultState[] = [
  'succeeded',
  'failed',
  'timed-out',
  'killed',
  'spawn-failed',
  'cancelled',
  'skipped',
  'lost',
  'invalid',
]

const CONCLUSIVE: ReadonlySet<ResultState> = new Set(['succeeded', 'failed', 'timed-out', 'killed', 'spawn-failed'])

/** States that count as a failure in exit statuses and for halting: all but success and what was ended or skipped by us. */
const FAILURES: ReadonlySet<ResultState> = new Set(['failed', 'timed-out', 'killed', 'spawn-failed', 'lost', 'invalid'])

/** Whether the task came to an end of its own, so that a resumed run does not run it again. */
export function isConclusive(state: ResultState): boolean {
  return CONCLUSIVE.has(state)
}

/** Whether it counts as a failure, in exit statuses and for halting. */
export function isFailure(state: ResultState): boolean {
  return FAILURES.has(state)
}

/** Why a task did not go well. `code` is the system's (`ENOENT`) or one of drover's (`ERR_DROVER_…`), and stable. */
export interface ResultError {
  /** The system's, or `ERR_DROVER_…`. */
  readonly code: string
  /** For people; may change between releases. */
  readonly message: string
}

/**
 * What became of one task: the same object in the library, in a journal and from `--json`.
 *
 * @typeParam Output - `string`, or `Buffer` where the option `encoding: 'buffer'` was given.
 */
export interface Result<Output = string> {
  /** Tells it from other records of a journal. */
  readonly type: 'result'
  /** The run's id. */
  readonly run: string
  /** The user's name for the task; null when it has none. */
  readonly id: string | null
  /** Hash of the task's content and how often that content came before; null where the run had no need of it. */
  readonly key: string | null
  /** Position in the input, from 0. */
  readonly index: number
  /** What became of it. */
  readonly state: ResultState
  /** Null where a signal ended it, and where it did not run to an end that was seen. */
  readonly exitCode: number | null
  /** Name of the signal the task died of, as in `SIGKILL`. */
  readonly signal: string | null
  /** What was kept of standard output: beginning and end where `truncated`. U+FFFD where it was not UTF-8. */
  readonly stdout: Output
  /** The same of standard error. */
  readonly stderr: Output
  /** What a worker answered, where the task was a message to one; absent where it gave no answer. */
  readonly value?: unknown
  /** The kept bytes, where they were not UTF-8. */
  readonly stdoutBase64?: string
  /** The same of standard error. */
  readonly stderrBase64?: string
  /** The file that it was written to, where it was to go straight to one; `stdout` is empty then. */
  readonly stdoutFile?: string
  /** The same of standard error. */
  readonly stderrFile?: string
  /** The true size, whatever was kept. */
  readonly stdoutBytes: number
  /** The same of standard error. */
  readonly stderrBytes: number
  /** Whether `stdout` or `stderr` holds less than all. */
  readonly truncated: boolean
  /** Whether a descendant held the output open after the task's own process had exited. */
  readonly pipeHeld: boolean
  /** How many processes the task left behind. */
  readonly leftovers: number
  /** Which try this was, from 1; 0 when it was never tried. */
  readonly attempt: number
  /** How many tries were allowed. */
  readonly attempts: number
  /** ISO 8601 in UTC; null when it was never started. */
  readonly startedAt: string | null
  /** Milliseconds from start to end of this attempt, by the monotonic clock. */
  readonly durationMs: number
  /** Milliseconds from being queued to the start of this attempt. */
  readonly queuedMs: number
  /** Processor time outside the kernel, of all processes of it that were waited for; null where the launcher cannot know. */
  readonly cpuUserMs: number | null
  /** The same, within the kernel. */
  readonly cpuSystemMs: number | null
  /** Peak of the largest single process; of all of them together, where `maxMemoryBytes` has them watched. */
  readonly maxRssBytes: number | null
  /** Of its process, or of the worker that had it; null when it was never started. */
  readonly pid: number | null
  /** The name of the machine that it ran on. */
  readonly host: string
  /** Null where the input was too bad to tell. */
  readonly command: Text | null
  /** Null for a line for the shell. */
  readonly args: readonly Text[] | null
  /** The task's `meta`, where it has one. */
  readonly meta?: unknown
  /** Why it did not go well; null when it did, and for a plain exit code or signal. */
  readonly error: ResultError | null
}

/** What a tried attempt that is to be retried is recorded as. */
export type Attempt<Output = string> = Omit<Result<Output>, 'type'> & { readonly type: 'attempt' }
