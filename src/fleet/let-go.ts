import type { IQueueBackend } from 'bullmq'

/** A server that is there says goodbye at once. */
export const GOODBYE_MS = 2_000

/** What BullMQ connects: a queue, a worker, events. */
interface Connected {
  close(): Promise<void>
  getBackend(): IQueueBackend
}

/**
 * Closes connections, and lets go of those whose server does not answer: BullMQ would wait for it to come back, be it for ever.
 *
 * @param withinMs - milliseconds that the server has for it. Default: 2,000.
 */
export async function closeOrLetGo(connected: readonly Connected[], withinMs = GOODBYE_MS): Promise<void> {
  await Promise.all(
    connected.map(async (each) => {
      if (!(await isSettledWithin(withinMs, each.close()))) letGo(each.getBackend())
    }),
  )
}

/** Ends the connections at once, whatever BullMQ waits for. None of it is waited for: one that is away does not say that it has ended. */
export function letGo(backend: IQueueBackend): void {
  for (const end of [backend.close(true), backend.disconnectBlocking(false), backend.disconnect()])
    void end.catch(() => {})
}

/** Whether it is settled, be it by an error, before so many milliseconds are over. */
export async function isSettledWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  const isSettled = await Promise.race([
    promise.then(
      () => true,
      () => true,
    ),
    late,
  ])
  clearTimeout(timer)
  return isSettled
}
