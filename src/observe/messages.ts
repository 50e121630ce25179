import type { Result, ResultError } from '../task/result.js'
import type { Text } from '../task/task.js'

/** What a message on a channel says in the end; set from `asyncStart` on, and on `error` before it. */
export interface TracedError {
  /** Stable: the system's (`ENOENT`) or one of drover's (`ERR_DROVER_…`). */
  readonly code: string
  /** For people; may change between releases. */
  readonly message: string
}

/**
 * One task of a run, on `drover:task`: `start` and `end` when it was added or read, in the asynchronous context of who added it (of the call
 * of `dispatch()`); `error` where it is a failure, and `asyncStart`, when its final result is known, before the journal has it; `asyncEnd` when
 * it was announced. It is the same object each time.
 */
export interface TaskMessage {
  /** The run's id. */
  readonly run: string
  /** Position in the run, from 0. */
  readonly index: number
  /** The user's name for it. */
  readonly id: string | null
  /** What it runs, as its result has it; null where the input was too bad to tell. */
  readonly command: Text | null
  /** Its arguments; null for a line for the shell. */
  readonly args: readonly Text[] | null
  /** How many tries are allowed. */
  readonly attempts: number
  /** The final result, the same object that the program gets: not to be changed. */
  result?: Result
  /** Why it is a failure. */
  error?: TracedError
}

/**
 * One try of a task, on `drover:attempt`: `start` and `end` around the call that starts it; `error` where it is a failure, and `asyncStart`, when its result
 * is known; `asyncEnd` when what follows from it was decided.
 */
export interface AttemptMessage {
  /** The task; its own object for each task. */
  readonly task: TaskMessage
  /** Which try, from 1. */
  readonly attempt: number
  /** The lowest number, from 1, that no other running task of the run has. */
  readonly slot: number
  /** Milliseconds for which it waited. */
  readonly queuedMs: number
  /** What became of this try: not to be changed. */
  result?: Result
  /** Whether the task is tried again. Known with `asyncEnd`. */
  again?: boolean
  /** Why it is a failure. */
  error?: TracedError
}

/**
 * One process that drover starts on purpose, on `drover:process`: `start` and `end` around the call that starts it; `error` where it did not go well, and
 * `asyncStart` and `asyncEnd`, when it has ended. Within `start` of its attempt or request, where it belongs to one.
 */
export interface ProcessMessage {
  /** Whether it is a command (of a task, `run()` or `Process`) or a worker of a pool. */
  readonly role: 'command' | 'worker'
  /** The program; the shell for a line. */
  readonly file: string | Uint8Array
  /** Its arguments, without the program's name. */
  readonly args: readonly (string | Uint8Array)[]
  /**
   * Adds a variable to its environment, while `start` is published; one that the task sets itself is left as it is. No message tells what
   * the environment holds.
   *
   * @throws OptionError for a name or a value that no environment can hold.
   */
  setEnv(name: string, value: string): void
  /** Known when it has ended; null where it never was. */
  pid?: number | null
  /** Null where a signal ended it, or it did not run to an end that was seen. */
  exitCode?: number | null
  /** Name of the signal that it died of. */
  signal?: string | null
  /** Milliseconds from start to end, by the monotonic clock. */
  durationMs?: number
  /** Why it did not go well. */
  error?: TracedError
}

/**
 * One request to a pool, on `drover:request`: `start` and `end` when it was asked for; `error` where it was rejected, and `asyncStart` and `asyncEnd`, when
 * its promise is settled.
 */
export interface RequestMessage {
  /** What the pool's workers run; for a module, its URL. */
  readonly program: Text
  /** Its arguments; null for a line for the shell, and for a module. */
  readonly args: readonly Text[] | null
  /** Higher first. */
  readonly priority: number
  /** Whether it was sent to a worker that its sender holds by a lease. */
  readonly leased: boolean
  /** Of the worker that answered; null where none did. */
  pid?: number | null
  /** Milliseconds until it was sent to a worker; null where it never was. */
  queuedMs?: number | null
  /** Milliseconds from then to the end; null where it never was sent. */
  durationMs?: number | null
  /** What the promise was rejected with. */
  error?: unknown
}

/** The error that stands for a result that is a failure. */
export function tracedErrorOf({
  state,
  exitCode,
  signal,
  error,
}: Pick<Result<unknown>, 'state' | 'exitCode' | 'signal'> & { readonly error: ResultError | null }): TracedError {
  if (error !== null) return error
  const message = signal === null ? `${state} with exit code ${exitCode}` : `${state} by ${signal}`
  return { code: 'ERR_DROVER_COMMAND', message }
}
