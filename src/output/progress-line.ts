import { isFailure, RESULT_STATES, type ResultState } from '../task/result.js'
import { formatDuration } from './duration.js'
import type { OutputWriter } from './fd-writer.js'
import type { Maybe } from './maybe.js'

/** How far a run is. */
export interface ProgressSnapshot {
  /** How many tasks there will be; null while nobody knows. */
  readonly total: number | null
  readonly queued: number
  readonly running: number
  readonly done: number
  readonly byState: Readonly<Record<ResultState, number>>
  readonly ratePerSecond: number | null
  readonly etaMs: number | null
}

export interface ProgressLineOptions {
  /** The terminal. */
  readonly writer: OutputWriter
  /** The width of the terminal; asked each time, as it may change. Default: 80. */
  readonly columns?: () => number
  /** Asked before drawing, as whether some other output stands in the line. Default: it may always be drawn. */
  readonly mayDraw?: () => boolean
  /** Milliseconds between two drawings at the least. Default: 100. */
  readonly intervalMs?: number
}

const TO_LINE_END = '\x1b[K'

/** One line at the bottom of a terminal that says how far a run is. */
export class ProgressLine {
  readonly #writer: OutputWriter
  readonly #columns: () => number
  readonly #mayDraw: () => boolean
  readonly #intervalMs: number
  #snapshot: ProgressSnapshot | null = null
  #timer: NodeJS.Timeout | null = null
  #isDrawn = false
  #isCurrent = false
  #isStopped = false

  constructor(options: ProgressLineOptions) {
    this.#writer = options.writer
    this.#columns = options.columns ?? (() => 80)
    this.#mayDraw = options.mayDraw ?? (() => true)
    this.#intervalMs = options.intervalMs ?? 100
  }

  /** Shows this snapshot, at once or when the last drawing is long enough ago. */
  update(snapshot: ProgressSnapshot): void {
    if (this.#isStopped) return
    this.#snapshot = snapshot
    this.#isCurrent = false
    if (this.#timer === null) this.#draw()
  }

  /**
   * Takes the line away, to be called before anything else is printed to the same terminal. The promise resolves when it
   * is gone; undefined when there was none. The line is back after a moment.
   */
  clear(): Maybe {
    if (!this.#isDrawn) return undefined
    this.#isDrawn = false
    this.#isCurrent = false
    if (this.#timer === null && !this.#isStopped) this.#wait()
    const taken = this.#writer.write(`\r${TO_LINE_END}`) ?? undefined
    return this.#writer.flush?.() ?? taken
  }

  /** Takes the line away for good. */
  stop(): Maybe {
    this.#isStopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    return this.clear()
  }

  #draw(): void {
    if (this.#snapshot === null || this.#isCurrent) return
    this.#wait()
    // A terminal that is held up gets no more lines than it takes.
    if (!this.#mayDraw() || (this.#writer.queuedBytes ?? 0) > 0) return
    const line = progressText(this.#snapshot).slice(0, Math.max(0, this.#columns() - 1))
    this.#writer.write(`\r${line}${TO_LINE_END}`)
    this.#isDrawn = true
    this.#isCurrent = true
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#draw()
    }, this.#intervalMs)
    this.#timer.unref()
  }
}

/** As in `120/5000 done, 3 failed, 8 running, 118/s, ETA 41 s`, without what is not known. */
export function progressText(snapshot: ProgressSnapshot): string {
  const failed = RESULT_STATES.filter(isFailure).reduce((sum, state) => sum + snapshot.byState[state], 0)
  const parts = [snapshot.total === null ? `${snapshot.done} done` : `${snapshot.done}/${snapshot.total} done`]
  if (failed > 0) parts.push(`${failed} failed`)
  parts.push(`${snapshot.running} running`)
  if (snapshot.ratePerSecond !== null) parts.push(`${rate(snapshot.ratePerSecond)}/s`)
  if (snapshot.etaMs !== null) parts.push(`ETA ${formatDuration(Math.max(1000, snapshot.etaMs))}`)
  return parts.join(', ')
}

/** How a run ended, as in `drover: 5000 tasks: 4990 succeeded, 7 failed, 3 timed-out`; without a newline. */
export function summaryLine(snapshot: Pick<ProgressSnapshot, 'byState'>, what = 'task'): string {
  const states = RESULT_STATES.filter((state) => snapshot.byState[state] > 0)
  const count = states.reduce((sum, state) => sum + snapshot.byState[state], 0)
  const parts = states.map((state) => `${snapshot.byState[state]} ${state}`)
  return `drover: ${count} ${count === 1 ? what : `${what}s`}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`
}

function rate(perSecond: number): string {
  return perSecond < 9.95 ? String(Number(perSecond.toFixed(1))) : String(Math.round(perSecond))
}
