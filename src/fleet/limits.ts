import { checkCount, checkDuration } from '../process/process-options.js'
import type { BackendOptions, TaskQueue } from './backend.js'
import { closeOrLetGo } from './let-go.js'
import { askQueue, type QueueChoice } from './open-queue.js'
import { permitQueue } from './permits.js'
import { limitsOf, type QueueLimits } from './status.js'
import { checkTag } from './task-envelope.js'

/** What is limited. A limit that is not named here stays as it is. */
export interface LimitOptions extends BackendOptions {
  /** The queue that it holds for. */
  readonly queue: QueueChoice
  /** Whose limits they are: those of the tasks that were submitted with this tag. Default: of the whole queue. */
  readonly tag?: string | undefined
  /** How many tasks may run at once on all machines together; null for no limit. Default: as it is. */
  readonly concurrency?: number | null | undefined
  /** How many tasks may be started in so many milliseconds; null for no limit. Default: as it is. */
  readonly rate?: { readonly max: number; readonly perMs: number } | null | undefined
}

/**
 * Sets limits that hold for all workers of a queue together, from the next task on.
 *
 * @throws (as a rejection) OptionError, QueueError.
 */
export async function limit(options: LimitOptions): Promise<QueueLimits> {
  const { concurrency, rate } = options
  if (concurrency != null) checkCount('concurrency', concurrency, 1)
  if (rate != null) {
    checkCount('rate.max', rate.max, 1)
    checkDuration('rate.perMs', rate.perMs)
  }
  const tag = options.tag === undefined ? null : checkTag(options.tag)
  return askQueue(options.queue, options, async ({ backend, queue: whole }) => {
    const queue = tag === null ? whole : backend.queue(permitQueue(whole.name, tag))
    try {
      return await set(queue, options)
    } finally {
      if (queue !== whole) await closeOrLetGo([queue])
    }
  })
}

async function set(queue: TaskQueue, { concurrency, rate }: LimitOptions): Promise<QueueLimits> {
  if (concurrency === null) await queue.removeGlobalConcurrency()
  else if (concurrency !== undefined) await queue.setGlobalConcurrency(concurrency)
  if (rate === null) await queue.removeGlobalRateLimit()
  else if (rate !== undefined) await queue.setGlobalRateLimit(rate.max, rate.perMs)
  return limitsOf(queue)
}
