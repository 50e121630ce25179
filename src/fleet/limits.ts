import { checkCount, checkDuration } from '../process/process-options.js'
import type { BackendOptions } from './backend.js'
import { type QueueChoice, withQueue } from './open-queue.js'
import { limitsOf, type QueueLimits } from './status.js'

export interface LimitOptions extends BackendOptions {
  readonly queue: QueueChoice
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
  return withQueue(options.queue, options, async ({ queue }) => {
    if (concurrency === null) await queue.removeGlobalConcurrency()
    else if (concurrency !== undefined) await queue.setGlobalConcurrency(concurrency)
    if (rate === null) await queue.removeGlobalRateLimit()
    else if (rate !== undefined) await queue.setGlobalRateLimit(rate.max, rate.perMs)
    return limitsOf(queue)
  })
}
