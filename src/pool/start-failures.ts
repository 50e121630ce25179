import { WorkerError } from './pool-errors.js'

const LONGEST_PAUSE_MS = 10_000
const SHORTAGE_PAUSE_MS = 1000

export interface StartFailuresOptions {
  readonly maxStartFailures: number
  readonly startBackoffMs: number
}

/**
 * Counts starts that failed in a row, and says how long to wait before the next.
 *
 * Where workers do not say that they are ready, one that dies with its first request may have failed at its start, or because of
 * the request. When that has happened several times, the next worker is on probation: it gets a request only when it has lived
 * for a moment without one.
 */
export class StartFailures {
  readonly #options: StartFailuresOptions
  #certain = 0
  #inARow = 0
  #notBeforeMs = 0
  /** Until when the system is taken to be short of something, whatever the workers that there are do. */
  #shortUntilMs = 0

  constructor(options: StartFailuresOptions) {
    this.#options = options
  }

  /** Milliseconds until the next start may be tried. */
  get pauseMs(): number {
    return Math.max(0, Math.max(this.#notBeforeMs, this.#shortUntilMs) - performance.now())
  }

  /** Whether so many have failed that workers are started only when somebody asks for one. */
  get areTooMany(): boolean {
    const { maxStartFailures } = this.#options
    return this.#certain >= maxStartFailures || (this.#certain > 0 && this.#inARow > maxStartFailures)
  }

  get callForProbation(): boolean {
    return this.#inARow >= this.#options.maxStartFailures
  }

  noteSuccess(): void {
    this.#certain = 0
    this.#inARow = 0
    this.#notBeforeMs = 0
  }

  /** @param isCertain - whether it failed before it was sent anything. */
  noteFailure(isCertain: boolean): void {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, this.#options.startBackoffMs * 2 ** Math.min(this.#inARow, 30))
    this.#inARow += 1
    if (isCertain) this.#certain += 1
    this.#notBeforeMs = performance.now() + pauseMs
  }

  /** The system had no room for one more, beside others that there are. */
  noteShortage(): void {
    this.#shortUntilMs = performance.now() + SHORTAGE_PAUSE_MS
  }

  /** What those who wait are told. */
  explain(last: WorkerError): WorkerError {
    const times = this.#inARow === 1 ? 'once' : `${this.#inARow} times in a row`
    const message = `workers fail at their start, ${times}; the last one: ${last.message}`
    return new WorkerError('ERR_DROVER_WORKER_START', message, last, { cause: last })
  }
}
