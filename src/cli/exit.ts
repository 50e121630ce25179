import type { Summary } from '../dispatch/progress.js'

/** How drover ends: with a status, or of a signal. */
export type Ending = { readonly status: number } | { readonly signal: NodeJS.Signals }

/** More failures than this are all the same to the exit status. */
const MOST_FAILURES = 100
/** drover itself could not go on. */
export const STATUS_CANNOT_GO_ON = 102
/** A mistake in the call or the input. */
export const STATUS_MISTAKE = 255

export interface EndCauses {
  /** Standard output could not be written to any more. */
  readonly brokenBy: NodeJS.ErrnoException | null
  readonly endedBy: NodeJS.Signals | null
  readonly drainedBy: NodeJS.Signals | null
}

/**
 * 0 when all is well or the run was halted by a success; else how many failed, 101 for more than 100. Who was ended by a
 * signal dies of it, and so does who was drained before all was done or whose reader has left.
 */
export function exitStatus(summary: Summary, causes: EndCauses): Ending {
  if (causes.endedBy !== null) return { signal: causes.endedBy }
  if (causes.brokenBy?.code === 'EPIPE') return { signal: 'SIGPIPE' }
  if (causes.brokenBy !== null) return { status: STATUS_CANNOT_GO_ON }
  if (causes.drainedBy !== null && !summary.complete) return { signal: causes.drainedBy }
  if (summary.halted?.includes('success') === true) return { status: 0 }
  return { status: Math.min(summary.failures, MOST_FAILURES + 1) }
}
