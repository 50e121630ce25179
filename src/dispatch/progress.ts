import { isFailure, RESULT_STATES, type ResultState } from '../task/result.js'

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
  /** Final results a second over the last seconds; null in the first second. */
  readonly ratePerSecond: number | null
  /** Milliseconds until all is done at this rate; null when total or rate is not known. */
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

const BUCKET_MS = 1_000
const BUCKETS = 15

/** Counts final results, by state and over time. */
export class ResultCounter {
  readonly #byState: Record<ResultState, number>
  #startedMs: number | null = null
  /** Results in each of the last seconds, by the number of the second modulo the length. */
  readonly #buckets = new Float64Array(BUCKETS)
  #second = 0
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
    this.#turnTo(Math.floor(this.elapsedMs / BUCKET_MS))
    this.#buckets[this.#second % BUCKETS]! += 1
  }

  /** One of an earlier run, which is not run again. */
  passOver(state: ResultState): void {
    this.#alreadyDone += 1
    if (isFailure(state)) this.#alreadyFailed += 1
  }

  /** How it stands, given what only the scheduler knows. */
  progress(known: Pick<Progress, 'total' | 'queued' | 'running'>): Progress {
    const ratePerSecond = this.ratePerSecond()
    const left = known.total === null ? null : known.total - this.#done - this.#alreadyDone
    const etaMs = left === null || !ratePerSecond ? null : (left / ratePerSecond) * 1_000
    return { ...known, done: this.#done, alreadyDone: this.#alreadyDone, byState: this.byState, ratePerSecond, etaMs }
  }

  ratePerSecond(): number | null {
    const elapsedMs = this.elapsedMs
    if (elapsedMs < BUCKET_MS) return null
    this.#turnTo(Math.floor(elapsedMs / BUCKET_MS))
    const spanMs = Math.min(elapsedMs, (BUCKETS - 1) * BUCKET_MS + (elapsedMs % BUCKET_MS))
    return (this.#buckets.reduce((sum, count) => sum + count, 0) / spanMs) * 1_000
  }

  #turnTo(second: number): void {
    if (second - this.#second >= BUCKETS) this.#buckets.fill(0)
    else for (let s = this.#second + 1; s <= second; s++) this.#buckets[s % BUCKETS] = 0
    this.#second = second
  }
}
