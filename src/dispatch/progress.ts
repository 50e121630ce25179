import { isFailure, RESULT_STATES, type ResultState } from '../task/result.js'
import { SmoothedRate } from './smoothed-rate.js'

/** How a run stands at one moment. */
export interface Progress {
  /** Tasks in all; null as long as the end of the input is not known. */
  readonly total: number | null
  /** Read and not started, those between two attempts included. */
  readonly queued: number
  /** Started, and not ended. */
  readonly running: number
  /** With a final result. */
  readonly done: number
  /** Not run again, since the journal had a result of an earlier run. */
  readonly alreadyDone: number
  /** Final results, by their state. */
  readonly byState: Readonly<Record<ResultState, number>>
  /**
   * Final results a second, smoothed over ten seconds or, where they are rare, ten results; null in the first second. The time of a
   * pause does not count.
   */
  readonly ratePerSecond: number | null
  /** Milliseconds until all is done at this rate; null when the total is not known, and before there are three results. */
  readonly etaMs: number | null
}

/** What became of a whole run. */
export interface Summary {
  /** The run's id. */
  readonly run: string
  /** Tasks that were read and not done before; each has one final result. */
  readonly total: number
  /** Tasks that were not run again, since the journal had a result of an earlier run. */
  readonly alreadyDone: number
  /** Those of them that had not succeeded. */
  readonly alreadyFailed: number
  /** Final results, by their state. */
  readonly byState: Readonly<Record<ResultState, number>>
  /** Results that count as failures: failed, timed-out, killed, spawn-failed, lost and invalid. */
  readonly failures: number
  /** The halt rule that ended it early (as in `now,fail=1`), or null. */
  readonly halted: string | null
  /** Whether all tasks were read and each was run to an end of its own. */
  readonly complete: boolean
  /** Milliseconds that the run took. */
  readonly durationMs: number
}

/** Before, a rate tells of the first second and of nothing else. */
const LEAST_RATE_MS = 1_000
/** Fewer results than this say nothing about how long the others will take. */
const LEAST_ETA_RESULTS = 3

/** Counts final results, by state and over time. */
export class ResultCounter {
  readonly #byState: Record<ResultState, number>
  readonly #rate = new SmoothedRate()
  /** How long the clock that rates are told by has stood still. */
  #stoodMs = 0
  /** Since when it does; null while it goes. */
  #standsSinceMs: number | null = null
  #startedMs: number | null = null
  #done = 0
  #alreadyDone = 0
  #alreadyFailed = 0

  constructor() {
    this.#byState = Object.fromEntries(RESULT_STATES.map((state) => [state, 0])) as Record<ResultState, number>
  }

  get done(): number {
    return this.#done
  }

  get alreadyDone(): number {
    return this.#alreadyDone
  }

  get alreadyFailed(): number {
    return this.#alreadyFailed
  }

  get byState(): Record<ResultState, number> {
    return { ...this.#byState }
  }

  get failures(): number {
    return RESULT_STATES.filter(isFailure).reduce((sum, state) => sum + this.#byState[state], 0)
  }

  /** Since {@link begin}. */
  get elapsedMs(): number {
    return this.#startedMs === null ? 0 : performance.now() - this.#startedMs
  }

  /** From now on the time counts; only the first call does anything. */
  begin(): void {
    this.#startedMs ??= performance.now()
  }

  count(state: ResultState): void {
    this.#byState[state] += 1
    this.#done += 1
    this.#rate.count(this.#ratedMs)
  }

  /** One of an earlier run, which is not run again. */
  passOver(state: ResultState): void {
    this.#alreadyDone += 1
    if (isFailure(state)) this.#alreadyFailed += 1
  }

  /** How it stands, given what only the scheduler knows. */
  progress(known: Pick<Progress, 'total' | 'queued' | 'running'>): Progress {
    const ratePerSecond = this.ratePerSecond()
    const left = known.total === null ? null : Math.max(0, known.total - this.#done - this.#alreadyDone)
    const isKnown = left === 0 || this.#done >= LEAST_ETA_RESULTS
    const etaMs = left === null || !ratePerSecond || !isKnown ? null : (left / ratePerSecond) * 1_000
    return { ...known, done: this.#done, alreadyDone: this.#alreadyDone, byState: this.byState, ratePerSecond, etaMs }
  }

  ratePerSecond(): number | null {
    const ratedMs = this.#ratedMs
    return ratedMs < LEAST_RATE_MS ? null : this.#rate.perSecond(ratedMs)
  }

  /**
   * Whether time does not count for rates. Results do all the same: what ends during a pause makes up for the time after it in which
   * nothing has had the time to end.
   */
  set standsStill(stands: boolean) {
    const { elapsedMs } = this
    if (this.#standsSinceMs !== null) this.#stoodMs += elapsedMs - this.#standsSinceMs
    this.#standsSinceMs = stands ? elapsedMs : null
  }

  get #ratedMs(): number {
    return (this.#standsSinceMs ?? this.elapsedMs) - this.#stoodMs
  }
}
