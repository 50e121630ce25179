import type { Attempt, Result, ResultState } from '../task/result.js'
import type { Task } from '../task/task.js'

/** Where final results are committed before anyone is told of them, and what is known of tasks from earlier runs. */
export interface ResultJournal {
  /** A run begins; called once, before anything of it is committed. */
  begin(run: string): void
  /**
   * The state of a task that need not be run again; null for one that is to be run.
   *
   * @param key - of its content, see {@link Result.key}.
   * @throws DroverError for a task that must not be run, which then becomes `invalid`.
   */
  stateOf(task: Task, key: string): ResultState | null
  /**
   * Aborted when it takes nothing more; the reason is then the error that the run ends with, at once and not only when the
   * next result comes.
   */
  readonly ended?: AbortSignal
  /** Resolves when the result is safe; a rejection ends the run. */
  commit(result: Result): Promise<void>
  /** The same for an attempt that is to be followed by another. */
  record(attempt: Attempt): Promise<void>
}
