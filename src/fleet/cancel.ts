import { OptionError } from '../task/errors.js'
import type { BackendOptions } from './backend.js'
import { askQueue, type QueueChoice } from './open-queue.js'
import { checkRun, type TaskEnvelope } from './task-envelope.js'

/** What is to end. */
export interface CancelOptions extends BackendOptions {
  /** Where it is. */
  readonly queue: QueueChoice
  /** The run. */
  readonly run: string
  /** The id or key of one of its tasks. Default: all of them. */
  readonly task?: string | undefined
}

/** What was asked to end. */
export interface Cancelling {
  /** Tasks that were running at that moment; their workers end them, tree and all. What waits becomes `skipped`. */
  readonly running: number
}

/**
 * Ends a run, or one task of it, wherever it runs, and resolves when all workers have been told; they take a second to end a task that
 * does not end by itself. Tasks that are submitted to the run later are not run either, unless by a new submission of the run.
 *
 * @throws (as a rejection) OptionError for an option that cannot be used, QueueError when the server is not there.
 */
export async function cancel({ queue: choice, run, task, ...options }: CancelOptions): Promise<Cancelling> {
  checkRun(run)
  if (task === '') throw new OptionError('task: expected the id or the key of a task')
  const isMeant = ({ id, key, run: own }: TaskEnvelope) =>
    own === run && (task === undefined || task === id || task === key)
  return askQueue(choice, options, async ({ queue, control }) => {
    const active = await queue.getJobs(['active'])
    await control.cancel({ run, task: task ?? null })
    return { running: active.filter((job) => job !== undefined && isMeant(job.data as TaskEnvelope)).length }
  })
}
