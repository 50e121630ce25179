import type { JobsOptions } from 'bullmq'
import type { Task } from '../task/task.js'
import { jobIdOf, type TaskEnvelope, taskJson } from './task-envelope.js'
import type { EnvelopeSigner } from './trust.js'

/** What all tasks of a submission have in common. */
export interface JobDefaults {
  readonly queue: string
  readonly run: string
  readonly signer: EnvelopeSigner | undefined
  readonly tag: string | undefined
  /** Milliseconds, for tasks that say none. */
  readonly timeoutMs: number | undefined
  /** For tasks that say none. */
  readonly retries: number | undefined
}

/** A job as BullMQ takes it. */
export interface TaskJobSpec {
  readonly name: string
  readonly data: TaskEnvelope
  readonly opts: JobsOptions & { readonly jobId: string }
}

/** The job of a task. */
export function jobOf(task: Task, index: number, key: string, defaults: JobDefaults): TaskJobSpec {
  const { queue, run, signer, tag, timeoutMs, retries } = defaults
  const jobId = jobIdOf(run, key)
  const whole = {
    ...task,
    ...(timeoutMs !== undefined && task.timeoutMs === undefined && { timeoutMs }),
    ...(retries !== undefined && task.retries === undefined && { retries }),
  }
  const plain: TaskEnvelope = {
    v: 1,
    run,
    index,
    key,
    ...(task.id !== undefined && { id: task.id }),
    ...(tag !== undefined && { tag }),
    task: taskJson(whole),
    at: Date.now(),
  }
  const data = signer === undefined ? plain : { ...plain, proof: signer.sign(plain, { queue, jobId }) }
  return { name: task.id ?? 'task', data, opts: { jobId, priority: bullPriority(task.priority ?? 0) } }
}

/** The most that BullMQ knows, where less comes first, and 0 before all others. */
const LOWEST = 2 ** 21 - 1
const MIDDLE = 2 ** 20

/** Higher first with us, lower first there. Fractions, and what is beyond a million either way, are all the same. */
export function bullPriority(priority: number): number {
  return Math.min(Math.max(MIDDLE - Math.round(priority), 1), LOWEST)
}
