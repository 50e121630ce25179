import { RESULT_STATES, type Result, type ResultState } from '../task/result.js'

/** What a worker has done since it started. */
export interface WorkCounts {
  /** Tasks that are with it now. */
  readonly active: number
  /** Results by state, those included that the server refused. */
  readonly byState: Readonly<Record<ResultState, number>>
  /** Tasks that were not run, by the code of why: not signed, not allowed, no tasks. */
  readonly refused: Readonly<Record<string, number>>
  /** Given back to the queue, to be run by another worker. */
  readonly handedBack: number
  /** Ended because their lock could not be renewed, or was another's. */
  readonly locksLost: number
  /** Results that the server has refused, since another worker had the task by then. */
  readonly lateResults: number
}

export class WorkCounter {
  readonly #byState = Object.fromEntries(RESULT_STATES.map((state) => [state, 0])) as Record<ResultState, number>
  readonly #refused: Record<string, number> = {}
  handedBack = 0
  locksLost = 0
  lateResults = 0

  count({ state, error, startedAt }: Result): void {
    this.#byState[state] += 1
    if (state !== 'invalid' || error === null || startedAt !== null) return
    this.#refused[error.code] = (this.#refused[error.code] ?? 0) + 1
  }

  counts(active: number): WorkCounts {
    const { handedBack, locksLost, lateResults } = this
    return { active, byState: { ...this.#byState }, refused: { ...this.#refused }, handedBack, locksLost, lateResults }
  }
}
