import { RESULT_STATES, type ResultState } from '../../task/result.js'

/** What a task of a report may be in: a state of its result, or none yet. */
export type PageState = ResultState | 'running'

export const PAGE_STATES: readonly PageState[] = [...RESULT_STATES, 'running']
export const RUNNING = PAGE_STATES.indexOf('running')

/** Which of several that share a pixel is shown: the one that people look for. */
const WEIGHTS: Readonly<Record<PageState, number>> = {
  lost: 9,
  'spawn-failed': 8,
  killed: 7,
  'timed-out': 6,
  failed: 5,
  invalid: 4,
  cancelled: 3,
  running: 2,
  succeeded: 1,
  skipped: 0,
}

export const STATE_WEIGHTS: readonly number[] = PAGE_STATES.map((state) => WEIGHTS[state])

/** Whether it is one that is drawn higher, so that it can be told from the others without its color. */
const FAILED: ReadonlySet<PageState> = new Set(['failed', 'timed-out', 'killed', 'spawn-failed', 'lost', 'invalid'])
export const STATE_FAILED: readonly boolean[] = PAGE_STATES.map((state) => FAILED.has(state))
