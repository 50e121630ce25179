import { resultWithoutStart } from '../process/result-of.js'
import type { Result, ResultError } from '../task/result.js'
import { identityOf } from './attempt.js'
import type { CheckedDispatchOptions } from './dispatch-options.js'
import type { Entry } from './entry.js'

/** Of a task that was never started. */
export function unstartedResult(
  entry: Entry,
  state: 'skipped' | 'invalid',
  error: ResultError,
  options: CheckedDispatchOptions,
): Result {
  const identity = identityOf(entry, options, performance.now() - entry.queuedAtMs)
  return resultWithoutStart(entry.task, identity, state, error, options.encoding)
}

/**
 * Of a task that waited, and is not started any more. What waited for another attempt has not come to an end of its own; its result
 * tells of the last attempt all the same.
 */
export function stoppedResult(entry: Entry, error: ResultError, options: CheckedDispatchOptions): Result {
  if (entry.last !== null) return { ...entry.last, state: 'cancelled', error }
  return unstartedResult(entry, 'skipped', error, options)
}
