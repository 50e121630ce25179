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
  /** Standard output, or else standard error, could not be written to any more. */
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
  const broken = brokenEnding(causes.brokenBy)
  if (broken !== null) return broken
  if (causes.drainedBy !== null && !summary.complete) return { signal: causes.drainedBy }
  if (summary.halted?.includes('success') === true) return { status: 0 }
  // Ended early without being asked to, as by --total-timeout or a bad line: that is not well.
  const least = summary.complete || summary.halted !== null ? 0 : 1
  return { status: Math.min(Math.max(summary.failures, least), MOST_FAILURES + 1) }
}

/** A reader that has left is no failure of ours, but of everything else that keeps drover from writing. */
export function brokenEnding(brokenBy: NodeJS.ErrnoException | null): Ending | null {
  if (brokenBy === null) return null
  return brokenBy.code === 'EPIPE' ? { signal: 'SIGPIPE' } : { status: STATUS_CANNOT_GO_ON }
}
