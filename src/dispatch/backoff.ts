import type { ResultState } from '../task/result.js'

/** No wait between two attempts is longer than this, in milliseconds. */
export const MAX_BACKOFF_MS = 60_000

/**
 * Milliseconds to wait after an attempt before the next: exponential with full jitter, that is evenly spread between 0 and
 * `base * 2^(attempt - 1)`, a minute at the most (or the base, where that is longer).
 *
 * @param attempt - the attempt that went wrong, from 1.
 */
export function backoffMs(baseMs: number, attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.max(MAX_BACKOFF_MS, baseMs)
  return random() * Math.min(ceiling, baseMs * 2 ** Math.min(attempt - 1, 32))
}

/** Whether another attempt could do better than one that ended so. */
export function isRetried(state: ResultState): boolean {
  return state !== 'succeeded' && state !== 'cancelled' && state !== 'invalid'
}
