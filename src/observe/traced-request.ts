import type { Text } from '../task/task.js'
import { publishEnd, requestChannel, tracedStart } from './channels.js'
import type { RequestMessage } from './messages.js'

/** When a request was made, and when it was sent; 0 where it was not. By the monotonic clock, in milliseconds. */
interface RequestTimes {
  readonly createdMs: number
  readonly sentMs: number
}

/** Publishes that a request is made; null where nobody listens. */
export function traceRequest(
  { command, args }: { readonly command: Text; readonly args?: readonly Text[] },
  priority: number,
  leased: boolean,
): RequestMessage | null {
  if (!requestChannel.hasSubscribers) return null
  const message: RequestMessage = { program: command, args: args ?? null, priority, leased }
  tracedStart(requestChannel, message, () => {})
  return message
}

/** Publishes how it ended. @param outcome - the answer's worker, or what it was rejected with. */
export function traceSettled(
  message: RequestMessage | null,
  { createdMs, sentMs }: RequestTimes,
  outcome: { readonly pid: number } | { readonly error: unknown },
): void {
  if (message === null) return
  message.pid = 'pid' in outcome ? outcome.pid : null
  message.queuedMs = sentMs === 0 ? null : sentMs - createdMs
  message.durationMs = sentMs === 0 ? null : performance.now() - sentMs
  if ('error' in outcome) message.error = outcome.error
  publishEnd(requestChannel, message)
}
