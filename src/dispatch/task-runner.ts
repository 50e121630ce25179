import type { Cause } from '../process/outcome.js'
import type { Result } from '../task/result.js'
import type { Task } from '../task/task.js'

/** Runs the tasks of a run somewhere else, as on other machines, in place of starting commands here. */
export interface TaskRunner {
  /**
   * Begins a task, which has a slot.
   *
   * @param info - its place and its content key, see {@link Result.key}.
   */
  run(task: Task, info: { readonly index: number; readonly key: string }): RunningElsewhere
  /** How many tasks it has that nobody has begun yet. Absent where it does not know. */
  readonly waiting?: number | undefined
}

/** A task that runs somewhere else. */
export interface RunningElsewhere {
  /** What became of it. A rejection ends the run. */
  readonly result: Promise<Result>
  /** When somebody has begun it, by `performance.now()`; null while it waits for that. Absent where it is not known. */
  readonly startedMs?: number | null | undefined
  /** Asks for its end. The result may take a while to come all the same. */
  end(cause: Cause): void
  /** Has its result come at once, whatever is known. */
  hurry(): void
}
