import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { onTestFinished } from 'vitest'

const MOMENTS = ['start', 'end', 'error', 'asyncStart', 'asyncEnd'] as const

/** One publication; the message is the object itself, which goes on changing. */
export interface Heard<Message> {
  readonly moment: (typeof MOMENTS)[number]
  readonly message: Message
  /** What it had at that moment. */
  readonly copy: Message
}

/** Listens to all moments of a channel until the test is over. */
export function hear<Message extends object>(kind: string, of?: (typeof MOMENTS)[number]): Heard<Message>[] {
  const heard: Heard<Message>[] = []
  for (const moment of of === undefined ? MOMENTS : [of]) {
    listen(`tracing:drover:${kind}:${moment}`, (message) =>
      heard.push({ moment, message: message as Message, copy: { ...(message as Message) } }),
    )
  }
  return heard
}

/** Subscribes until the test is over. */
export function listen(name: string, listener: (message: unknown) => void): void {
  subscribe(name, listener)
  onTestFinished(() => void unsubscribe(name, listener))
}

export const momentsOf = (heard: readonly Heard<object>[]) => heard.map(({ moment }) => moment)
