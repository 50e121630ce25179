import { OptionError } from '../../task/errors.js'
import type { FleetWorker } from '../fleet-worker.js'
import { openQueue, type QueueChoice } from '../open-queue.js'
import type { BoardQueue } from './board.js'

/** A queue to be shown, and what ends the connection to it that was made for that. */
export interface OpenBoardQueue {
  readonly queue: BoardQueue
  close(): Promise<void>
}

/**
 * The queue that was named, else that of the worker.
 *
 * @throws (as a rejection) OptionError where there is neither, or for an address that is none; QueueError when nobody answers there.
 */
export async function openBoardQueue(
  choice: QueueChoice | BoardQueue | undefined,
  worker: FleetWorker | undefined,
): Promise<OpenBoardQueue> {
  if (typeof choice === 'object' && 'getJobCounts' in choice) return { queue: choice, close: async () => {} }
  if (choice !== undefined) return openQueue(choice)
  if (worker === undefined) throw new OptionError('dashboard: expected a queue or a worker to show')
  // The worker waits for its server when that is away, and so does this.
  const queue = worker.backend.queue()
  return { queue, close: () => queue.close() }
}
