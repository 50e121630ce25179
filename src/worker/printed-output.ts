import { AsyncLocalStorage } from 'node:async_hooks'
import type { Writable } from 'node:stream'

export type PrintedStream = 'stdout' | 'stderr'

/** Gets what is printed; `request` is that of the handler that printed it, or 0. */
export type OnPrinted = (request: number, stream: PrintedStream, chunk: Uint8Array) => void

type WriteCallback = (error?: Error | null) => void

const requests = new AsyncLocalStorage<number>()
/** The request that is handled, where there is never more than one at a time. */
let only: number | null = null

/** Handles one request, so that what is printed meanwhile is known to be its. */
export function printingFor<T>(request: number, isAlone: boolean, handle: () => T): T {
  if (!isAlone) return requests.run(request, handle)
  only = request
  return handle()
}

/** Nothing is handled any more. */
export function printingForNobody(): void {
  only = null
}

/**
 * Has what this process prints through `process.stdout`, `process.stderr` and `console` told instead of written.
 *
 * @param streams - which of the two.
 */
export function capturePrinted(streams: readonly PrintedStream[], onPrinted: OnPrinted): void {
  for (const stream of streams) {
    const writable: Writable = process[stream]
    writable.write = ((chunk: unknown, encodingOrCallback?: unknown, callback?: WriteCallback) => {
      const encoding = typeof encodingOrCallback === 'string' ? (encodingOrCallback as BufferEncoding) : 'utf8'
      const done = typeof encodingOrCallback === 'function' ? (encodingOrCallback as WriteCallback) : callback
      const bytes = bytesOf(chunk, encoding)
      if (bytes.length > 0) onPrinted(only ?? requests.getStore() ?? 0, stream, bytes)
      if (done !== undefined) process.nextTick(done)
      return true
    }) as Writable['write']
  }
}

function bytesOf(chunk: unknown, encoding: BufferEncoding): Uint8Array {
  if (typeof chunk === 'string') return Buffer.from(chunk, encoding)
  // Its owner may use it again.
  if (chunk instanceof Uint8Array) return Buffer.from(chunk)
  throw new TypeError(`expected a string or bytes to print, not ${typeof chunk}`)
}
