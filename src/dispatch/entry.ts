import type { AttemptMessage, TaskMessage } from '../observe/messages.js'
import type { Execution } from '../process/execution.js'
import type { Process } from '../process/process.js'
import type { SlotPermit } from '../slots/slot-source.js'
import type { Result, ResultError } from '../task/result.js'
import type { Task } from '../task/task.js'
import type { AheadStart } from './ahead.js'
import type { RecentOutput } from './recent-output.js'
import type { Queued } from './task-queue.js'
import type { RunningElsewhere } from './task-runner.js'

/** A task on its way through a run. */
export interface Entry extends Queued {
  readonly task: Task
  /** Set where the user handed over a process object in place of a task. */
  readonly process: Process | null
  readonly index: number
  readonly key: string | null
  readonly weight: number
  /** How many tries are allowed. */
  readonly attempts: number
  /** Takes the final result where somebody waits for this very task. */
  readonly settle: ((outcome: { result: Result } | { error: unknown }) => void) | null
  /** Which try it is in, or was last; 0 before the first. */
  attempt: number
  queuedAtMs: number
  slot: number
  /** When this attempt was started, by the monotonic clock. */
  startedMs: number
  running: Running | null
  /** What it printed last, where somebody may want to follow it. */
  recent: RecentOutput | null
  /** What it was started with, besides a place among `concurrency`. */
  permit: SlotPermit | null
  /** Where it was sent ahead, as long as it has no place of its own there; null else. */
  ahead: AheadStart | null
  /** Why it is being ended to be started again later; null when it is not. */
  shed: ResultError | null
  /** Why it alone is ended, for good; null when it is not. */
  ended: ResultError | null
  /** The result of the last attempt, while the next is waited for. */
  last: Result | null
  backoff: NodeJS.Timeout | null
  /** What subscribers of its channel know it by, where there are any. */
  traced: TaskMessage | null
  tracedAttempt: AttemptMessage | null
}

/** What can be done to a running task, be it one of ours or a process object of the user's. */
export type Running = Pick<Execution, 'pid' | 'end' | 'endNow' | 'hurry' | 'ending' | 'suspend' | 'resume'> &
  Pick<RunningElsewhere, 'startedMs'> &
  Partial<Pick<Execution, 'takeBack' | 'promote' | 'leave'>>
