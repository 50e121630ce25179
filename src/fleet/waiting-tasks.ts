import type { Result } from '../task/result.js'
import type { Task } from '../task/task.js'
import type { TaskJobSpec } from './task-jobs.js'

/** A task that was submitted and has no result yet. */
export interface Waiting {
  /** As it was submitted last. */
  spec: TaskJobSpec
  readonly task: Task
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
  /** Whether it is in the queue, and what an earlier submission has left of it is not. */
  isAdded: boolean
  /** When a worker took it, by the monotonic clock; null as long as none has. */
  startedMs: number | null
  /** How often the server had it no more. */
  vanished: number
}

/** The tasks that results are waited for, by the id of their job, in the order in which they were submitted. */
export class WaitingTasks extends Map<string, Waiting> {
  #begun = 0

  /** Those that no worker has taken. */
  get unbegun(): number {
    return this.size - this.#begun
  }

  /** A worker has taken it. */
  begin(jobId: string): void {
    const waiting = this.get(jobId)
    if (waiting === undefined || waiting.startedMs !== null) return
    waiting.startedMs = performance.now()
    this.#begun += 1
  }

  /** Waits for it no longer. */
  take(jobId: string): Waiting | undefined {
    const waiting = this.get(jobId)
    if (waiting === undefined) return undefined
    super.delete(jobId)
    if (waiting.startedMs !== null) this.#begun -= 1
    return waiting
  }

  override clear(): void {
    super.clear()
    this.#begun = 0
  }
}
