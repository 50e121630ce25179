import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import type { AttemptMessage, ProcessMessage, RequestMessage, TaskMessage } from './messages.js'

/** The channel that carries messages of one kind. */
export type MessageChannel<Message extends object> = TracingChannel<unknown, Message>

const channelOf = <Message extends object>(name: string) => tracingChannel(name) as MessageChannel<Message>

/** Tasks, from being added to being announced. */
export const taskChannel = channelOf<TaskMessage>('drover:task')
/** Tries of tasks. */
export const attemptChannel = channelOf<AttemptMessage>('drover:attempt')
/** Processes: commands and workers. */
export const processChannel = channelOf<ProcessMessage>('drover:process')
/** Requests to pools. */
export const requestChannel = channelOf<RequestMessage>('drover:request')

/** Publishes that something begins, and does what begins it. */
export function tracedStart<Message extends object, Value>(
  channel: MessageChannel<Message>,
  message: Message,
  start: () => Value,
): Value {
  try {
    return channel.start.runStores(message, start)
  } finally {
    channel.end.publish(message)
  }
}

/** Publishes how something ended; its message tells that already. */
export function publishEnd<Message extends { error?: unknown }>(
  channel: MessageChannel<Message>,
  message: Message,
): void {
  publishOutcome(channel, message)
  channel.asyncEnd.publish(message)
}

/** The same without `asyncEnd`, for who has more to do. */
export function publishOutcome<Message extends { error?: unknown }>(
  channel: MessageChannel<Message>,
  message: Message,
): void {
  if ('error' in message) channel.error.publish(message)
  channel.asyncStart.publish(message)
}
