import { OptionError } from '../task/errors.js'
import type { RequestOptions } from './answer.js'

/** All that `request()` takes. */
export const REQUEST_OPTIONS: readonly string[] = [
  'signal',
  'timeoutMs',
  'priority',
  'retries',
  'onOutput',
] satisfies (keyof RequestOptions)[]

/** @throws OptionError unless it is a number or nothing, which is 0. */
export function checkPriority(priority: number | undefined): number {
  if (priority === undefined || Number.isFinite(priority)) return priority ?? 0
  throw new OptionError(`priority: expected a number, not ${String(priority)}`)
}

/** @throws OptionError unless it is a function or nothing. */
export function checkOnOutput(onOutput: unknown): RequestOptions['onOutput'] | null {
  if (onOutput === undefined || typeof onOutput === 'function') return (onOutput as RequestOptions['onOutput']) ?? null
  throw new OptionError(`onOutput: expected a function, not ${String(onOutput)}`)
}
