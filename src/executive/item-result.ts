import type { RemoteError } from '../pool/conversation.js'
import { HandlerError, RequestTimeoutError, WorkerError } from '../pool/pool-errors.js'
import { DroverError } from '../task/errors.js'
import type { ResultError, ResultState } from '../task/result.js'

/** Why an item did not go well. `code` is stable: `ERR_DROVER_HANDLER` when the handler threw, or another of drover's. */
export interface ItemError extends ResultError {
  /** What the handler threw, as far as it can be told; present when it threw. */
  readonly remote?: RemoteError
}

/**
 * What became of an item, in the words of a task's result.
 *
 * `succeeded`: the handler returned. `failed`: it threw, or its process ended by itself (`process.exit()`), used more memory than
 * it may, or wrote what it may not. `timed-out`: it took longer than `timeoutMs`. `killed`: its process died by a signal that
 * drover had not sent. `spawn-failed`: no process could be started for it. `cancelled`: ended by drover (abort, an early end of
 * the loop). `skipped`: not begun, for the same reasons. `lost`: the launcher died under it. `invalid`: it cannot be sent to
 * another process (a function, a socket).
 *
 * @typeParam Item - what `handle` takes.
 * @typeParam Value - what it returns.
 */
export interface ItemResult<Item = unknown, Value = unknown> {
  /** Position among the items that were pulled, from 0. */
  readonly index: number
  /** The item itself. */
  readonly item: Item
  /** What became of it, as above. */
  readonly state: ResultState
  /** What the handler returned; undefined unless it `succeeded`. */
  readonly value: Value | undefined
  /** Why it did not go well; null when it did. */
  readonly error: ItemError | null
  /** What was printed for this item in its last attempt, beginning and end where it is more than `maxOutputBytes`. */
  readonly stdout: string
  /** The same of standard error. */
  readonly stderr: string
  /** The true size, whatever was kept. */
  readonly stdoutBytes: number
  /** The same of standard error. */
  readonly stderrBytes: number
  /** Whether `stdout` or `stderr` holds less than all. */
  readonly truncated: boolean
  /** Which try this was, from 1; 0 when it was never begun. */
  readonly attempt: number
  /** How many tries were allowed. */
  readonly attempts: number
  /** ISO 8601 in UTC; null when it was never begun. */
  readonly startedAt: string | null
  /** Milliseconds that the handler took in this attempt. */
  readonly durationMs: number
  /** Milliseconds from when the item was pulled to when this attempt began. */
  readonly queuedMs: number
  /** Of the process that had it. */
  readonly pid: number | null
}

/** What became of all items. */
export interface ForEachSummary {
  /** Items that were pulled; each has one result. */
  readonly total: number
  /** Results, by their state. */
  readonly byState: Readonly<Record<ResultState, number>>
  /** Results that count as failures: failed, timed-out, killed, spawn-failed, lost and invalid. */
  readonly failures: number
  /** Whether the source was read to its end, and each item was handled to an end of its own. */
  readonly complete: boolean
  /** Processes that were started. */
  readonly workers: number
  /** Milliseconds since the run was begun. */
  readonly durationMs: number
}

/** How one attempt went wrong. */
export interface Failure {
  readonly state: ResultState
  readonly error: ItemError
}

/**
 * What an error of the pool says about an item.
 *
 * @param ended - why drover ended the run, when it did.
 */
export function failureOf(error: unknown, ended: ResultError | null): Failure {
  if (error instanceof HandlerError) {
    const { code, message, remote } = error
    return { state: 'failed', error: { code, message, remote } }
  }
  const told = asItemError(error)
  if (error instanceof RequestTimeoutError) return { state: 'timed-out', error: told }
  if (error instanceof WorkerError) return { state: stateOfWorkerError(error), error: told }
  if (told.code === 'ERR_DROVER_CLOSED') return { state: 'cancelled', error: ended ?? told }
  if (told.code === 'ERR_DROVER_VALUE' || told.code === 'ERR_DROVER_OPTION') return { state: 'invalid', error: told }
  return { state: 'failed', error: told }
}

function stateOfWorkerError({ code, signal }: WorkerError): ResultState {
  if (code === 'ERR_DROVER_WORKER_START') return 'spawn-failed'
  if (code === 'ERR_DROVER_WORKER_LOST') return 'lost'
  return code === 'ERR_DROVER_WORKER_DIED' && signal !== null ? 'killed' : 'failed'
}

function asItemError(error: unknown): ItemError {
  if (error instanceof DroverError) return { code: error.code, message: error.message }
  return { code: 'ERR_DROVER_CALLBACK', message: error instanceof Error ? error.message : String(error) }
}
