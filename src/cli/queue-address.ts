import { parseQueueAddress, type QueueAddress } from '../fleet/address.js'
import { findQueueAddress } from '../fleet/find-address.js'
import type { QueueWords } from './run-words.js'

/** A queue for as long as a command runs. */
export interface HeldQueue {
  readonly address: QueueAddress
  /** Lets go of it. */
  close(): Promise<void>
}

/** Stands for this user's own server on this machine. */
const PRIVATE = 'private'

/**
 * Where the queue is that a command names; where it names none, on a server for this user on this machine, which is started when it is not
 * there.
 *
 * @throws (as a rejection) OptionError for an address that cannot be used, DroverError where there is no server that could be started.
 */
export async function holdQueue({ queue, queueFile }: QueueWords): Promise<HeldQueue> {
  const given = queue === '-' || queue === PRIVATE ? undefined : queue
  const address = queue === PRIVATE ? null : findQueueAddress({ given, file: queueFile })
  if (address !== null) return { address, close: async () => {} }
  const { privateServer } = await import('../fleet/private-server/index.js')
  const server = await privateServer()
  return { address: parseQueueAddress(server.address), close: () => server.close() }
}

/** Does something with the queue of a command. @throws as {@link holdQueue}. */
export async function withHeldQueue<T>(words: QueueWords, call: (address: QueueAddress) => Promise<T>): Promise<T> {
  const { address, close } = await holdQueue(words)
  try {
    return await call(address)
  } finally {
    await close()
  }
}
