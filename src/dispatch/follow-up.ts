import type { Result, ResultError } from '../task/result.js'
import type { AttemptEnd } from './attempt.js'
import { backoffMs, isRetried } from './backoff.js'
import type { CheckedDispatchOptions } from './dispatch-options.js'
import type { Endings } from './endings.js'
import type { Entry } from './entry.js'
import type { Observer } from './observer.js'
import type { Places } from './places.js'
import type { RunState } from './run-state.js'
import type { Shortage } from './shortage.js'
import type { TaskQueue } from './task-queue.js'
import type { TriesAgain } from './tries-again.js'
import type { Turn } from './turn.js'
import { stoppedResult } from './unstarted-results.js'

/** What it takes to decide, and where a task goes then. */
export interface FollowUpParts {
  readonly options: CheckedDispatchOptions
  readonly state: RunState
  readonly queue: Pick<TaskQueue<Entry>, 'push'>
  readonly places: Places
  readonly shortage: Pick<Shortage, 'retries' | 'started'>
  readonly observer: Observer
  readonly again: TriesAgain
  readonly endings: Pick<Endings, 'add'>
  readonly turn: Turn
  /** Starts whatever may start. */
  readonly pump: () => void
  /** It is over. */
  readonly finish: (entry: Entry, result: Result) => void
}

/**
 * What follows from the end of an attempt:
 *
 *   it did not start, for a shortage ──────► started again, as if nothing had been
 *   it had to make way for others ─────────► tried again, at once, and not counted
 *   it went wrong, and tries are left ─────► tried again, after a time
 *   anything else, or it has been ended ───► final
 */
export class FollowUp {
  readonly #parts: FollowUpParts

  constructor(parts: FollowUpParts) {
    this.#parts = parts
  }

  take(entry: Entry, end: AttemptEnd): void {
    const running = entry.running!
    this.#parts.endings.add(running)
    this.#decide(entry, end)
    // Not before it is known what follows from the result.
    running.leave?.()
  }

  #decide(entry: Entry, end: AttemptEnd): void {
    const { state, places, shortage, observer, turn, pump } = this.#parts
    entry.recent?.end(end.state)
    entry.recent = null
    places.release(entry, end.state !== 'lost')
    let known: Result | null = null
    const resultOnce = () => {
      known ??= end.result()
      return known
    }
    let tellDecided: (again: boolean) => void = () => {}
    turn.hold(() => {
      tellDecided = observer.ended(entry, resultOnce)
    })
    const decided = (again: boolean) => turn.hold(() => tellDecided(again))
    if (state.endOf(entry) === null && end.shortage && shortage.retries(places.running.size)) {
      decided(true)
      entry.attempt -= 1
      this.#requeue(entry)
      return pump()
    }
    if (end.state !== 'spawn-failed') shortage.started()
    const result = resultOnce()
    const wasShed = entry.shed !== null
    // It may have come to an end of its own just then, and make way again later.
    entry.shed = null
    if (wasShed && result.state === 'cancelled' && state.endOf(entry) === null) {
      decided(true)
      // That it had to make way is none of the tries that it may have.
      entry.attempt -= 1
      return this.#tryAgain(entry, result, null)
    }
    const mayRetry = state.endOf(entry) === null && entry.attempt < entry.attempts
    const again = mayRetry && isRetried(result.state)
    decided(again)
    if (!again) return this.#parts.finish(entry, result)
    this.#tryAgain(entry, result, backoffMs(this.#parts.options.backoffMs, entry.attempt))
    pump()
  }

  #requeue(entry: Entry): void {
    const { state, queue } = this.#parts
    const error = state.endOf(entry)
    if (error === null) queue.push(entry)
    else this.#finishStopped(entry, error)
  }

  /** Unless whoever was told that it is tried again has ended it, which takes all that waits, and this did not wait yet. */
  #tryAgain(entry: Entry, result: Result, pauseMs: number | null): void {
    const { state, again } = this.#parts
    const error = state.endOf(entry)
    if (error === null) return again.add(entry, result, pauseMs)
    entry.last = result
    this.#finishStopped(entry, error)
  }

  /** Whoever was told that it goes on has ended it. */
  #finishStopped(entry: Entry, error: ResultError): void {
    const { finish, options } = this.#parts
    finish(entry, stoppedResult(entry, error, options))
  }
}
