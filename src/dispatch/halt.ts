import { OptionError } from '../task/errors.js'
import { isFailure, type ResultState } from '../task/result.js'

/**
 * When a run ends before its tasks do; GNU parallel's words. `soon` starts nothing more and lets what runs finish, `now`
 * ends what runs too.
 */
export interface HaltRule {
  readonly when: 'soon' | 'now'
  readonly what: 'fail' | 'success' | 'done'
  /** So many of them, or so many percent of all tasks (judged once it is known how many there are). */
  readonly count: number
  readonly percent: boolean
}

/**
 * Reads `never`, or `now` or `soon` followed by `,fail=N`, `,success=N` or `,done=N`, where N is a number or a percentage.
 * Null is never.
 *
 * @throws OptionError for anything else.
 */
export function parseHalt(words: string): HaltRule | null {
  if (words === 'never') return null
  const match = /^(now|soon),(fail|success|done)=(\d+(?:\.\d+)?)(%?)$/.exec(words)
  const count = Number(match?.[3])
  const percent = match?.[4] === '%'
  if (match === null || !(count > 0) || (percent ? count > 100 : !Number.isInteger(count))) {
    throw new OptionError(
      `halt: expected never, or now or soon with fail, success or done, as in now,fail=1 or soon,fail=20%, not ${JSON.stringify(words)}`,
    )
  }
  return { when: match[1] as HaltRule['when'], what: match[2] as HaltRule['what'], count, percent }
}

/** Counts final results against a rule. */
export class HaltCounter {
  readonly #rule: HaltRule | null
  #failed = 0
  #succeeded = 0

  constructor(rule: HaltRule | null) {
    this.#rule = rule
  }

  /** Takes a final result into account. What drover ended itself or never started counts for nothing. */
  count(state: ResultState): void {
    if (state === 'succeeded') this.#succeeded += 1
    else if (isFailure(state)) this.#failed += 1
  }

  /**
   * The rule, if it is met.
   *
   * @param total - how many tasks there are, or null when that is not known yet.
   */
  met(total: number | null): HaltRule | null {
    const rule = this.#rule
    if (rule === null || (rule.percent && total === null)) return null
    const reached = { fail: this.#failed, success: this.#succeeded, done: this.#failed + this.#succeeded }[rule.what]
    const threshold = rule.percent ? (rule.count / 100) * total! : rule.count
    return reached > 0 && reached >= threshold ? rule : null
  }
}
