import { parseQueueAddress, type QueueAddress } from './address.js'
import { Backend, type BackendOptions, type TaskQueue } from './backend.js'
import { CONNECT_MS } from './connection.js'
import { Control } from './control.js'
import { closeOrLetGo } from './let-go.js'

/** Where the queue is: an address as text, see {@link parseQueueAddress}, or one that was read. */
export type QueueChoice = string | QueueAddress

/** A queue that has answered, and what goes with it. */
export interface OpenQueue {
  readonly backend: Backend
  readonly queue: TaskQueue
  readonly control: Control
  close(): Promise<void>
}

/** @throws (as a rejection) OptionError for an address that is none, QueueError when nobody answers there. */
export async function openQueue(choice: QueueChoice, options: BackendOptions = {}): Promise<OpenQueue> {
  const backend = await Backend.load(addressOf(choice), options)
  const queue = backend.queue()
  await backend.ready(queue)
  return { backend, queue, control: new Control(backend, queue), close: () => closeOrLetGo([queue]) }
}

/** Does something with a queue that is closed after it. @throws as {@link openQueue}. */
export async function withQueue<T>(
  choice: QueueChoice,
  options: BackendOptions,
  call: (opened: OpenQueue) => Promise<T>,
): Promise<T> {
  const opened = await openQueue(choice, options)
  try {
    return await call(opened)
  } finally {
    await opened.close()
  }
}

/** As {@link withQueue}, for what may be done twice: again when the server was gone meanwhile, as long as the first answer may take. */
export function askQueue<T>(
  choice: QueueChoice,
  options: BackendOptions,
  call: (opened: OpenQueue) => Promise<T>,
): Promise<T> {
  return withQueue(choice, options, (opened) => opened.backend.patiently(() => call(opened), CONNECT_MS))
}

export function addressOf(choice: QueueChoice): QueueAddress {
  return typeof choice === 'string' ? parseQueueAddress(choice) : choice
}
