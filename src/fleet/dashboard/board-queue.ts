import { Backend } from '../backend.js'
import { closeOrLetGo } from '../let-go.js'
import { addressOf, type QueueChoice } from '../open-queue.js'
import type { BoardQueue } from './queue-shape.js'

/** A queue to be shown, and what ends the connection to it that was made for that. */
export interface OpenBoardQueue {
  readonly queue: BoardQueue
  close(): Promise<void>
}

/**
 * The queue that was named. A worker waits for its server when that is away, and so does this.
 *
 * @throws (as a rejection) OptionError for an address that is none; QueueError when a package is missing.
 */
export async function openBoardQueue(choice: QueueChoice | BoardQueue): Promise<OpenBoardQueue> {
  if (typeof choice === 'object' && 'getJobCounts' in choice) return { queue: choice, close: async () => {} }
  const queue = (await Backend.load(addressOf(choice))).queue()
  return { queue, close: () => closeOrLetGo([queue]) }
}
