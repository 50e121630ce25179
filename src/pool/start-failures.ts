import { WorkerError } from './pool-errors.js'

const LONGEST_PAUSE_MS = 10_000

export interface StartFailuresOptions {
  readonly maxStartFailures: number
  readonly startBackoffMs: number
}

/** Counts starts that failed in a row, and says how long to wait before the next. */
export class StartFailures {
  readonly #options: StartFailuresOptions
  #inARow = 0
  #notBeforeMs = 0

  constructor(options: StartFailuresOptions) {
    this.#options = options
  }

  /** Milliseconds until the next start may be tried. */
  get pauseMs(): number {
    return Math.max(0, this.#notBeforeMs - performance.now())
  }

  /** Whether so many have failed that workers are started only when somebody asks for one. */
  get areTooMany(): boolean {
    return this.#inARow >= this.#options.maxStartFailures
  }

  noteSuccess(): void {
    this.#inARow = 0
    this.#notBeforeMs = 0
  }

  noteFailure(): void {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, this.#options.startBackoffMs * 2 ** Math.min(this.#inARow, 30))
    this.#inARow += 1
    this.#notBeforeMs = performance.now() + pauseMs
  }

  /** What those who wait are told. */
  explain(last: WorkerError): WorkerError {
    const times = this.#inARow === 1 ? 'once' : `${this.#inARow} times in a row`
    return new WorkerError(
      'ERR_DROVER_WORKER_START',
      `workers fail at their start, ${times}; the last one: ${last.message}`,
      last,
      { cause: last },
    )
  }
}
