import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Crew } from './crew.js'

/** How long something took, in milliseconds. All 0 as long as there was none. */
export interface LatencyStats {
  /** How many were measured. */
  readonly count: number
  /** The shortest. */
  readonly min: number
  /** Of all. */
  readonly mean: number
  /** Half of them took no longer. */
  readonly p50: number
  /** 95 of 100 took no longer. */
  readonly p95: number
  /** 99 of 100 took no longer. */
  readonly p99: number
  /** The longest. */
  readonly max: number
}

/** How a pool stands at this moment. */
export interface PoolStats {
  /** Workers that have something to do, or that somebody holds. */
  readonly running: number
  /** Workers with nothing to do. */
  readonly spare: number
  /** Workers that are not ready yet. */
  readonly starting: number
  /** Workers that were asked to exit, or are being ended; they count for nothing else. */
  readonly leaving: number
  /** Requests, and callers of `acquire()`, that wait for a worker. */
  readonly queued: number
  /** Requests that were sent, and that somebody still waits for the answer of. */
  readonly inFlight: number
  /** Requests that were answered. */
  readonly answered: number
  /** Requests that were rejected, for whatever reason. */
  readonly rejected: number
  /** Workers that were started so far. */
  readonly started: number
  /** The part of their time, from 0 to 1, that the workers of this moment had something to do since each was ready. */
  readonly utilisation: number
  /** Time that requests waited for a worker. */
  readonly queuedMs: LatencyStats
  /** Time from when they were sent to when they were answered. */
  readonly durationMs: LatencyStats
}

/** Microseconds, so that the histogram's whole numbers are fine enough. */
const PER_MS = 1000
/** A histogram takes memory by its range and its precision, nearly a megabyte by Node's defaults: this is a few kilobytes. */
const HISTOGRAM = { highest: 2 ** 31 * PER_MS, figures: 2 }

/** What a pool counts. */
export class PoolCounts {
  answered = 0
  rejected = 0
  started = 0
  readonly #queued = createHistogram(HISTOGRAM)
  readonly #duration = createHistogram(HISTOGRAM)

  noteAnswer(queuedMs: number, durationMs: number): void {
    this.answered += 1
    record(this.#queued, queuedMs)
    record(this.#duration, durationMs)
  }

  stats(crew: Crew): PoolStats {
    const now = performance.now()
    let [running, spare, starting, inFlight, busyMs, aliveMs] = [0, 0, 0, 0, 0, 0]
    for (const worker of crew.workers) {
      if (worker.isStarting) {
        starting += 1
        continue
      }
      if (worker.isIdle) spare += 1
      else running += 1
      // Whether it is well nobody asked for but the pool.
      if (!worker.isChecked) inFlight += worker.requests.waitedFor
      busyMs += worker.requests.busyMs + (worker.requests.inFlight > 0 ? now - worker.requests.sinceMs : 0)
      aliveMs += now - worker.readyMs
    }
    return {
      running,
      spare,
      starting,
      leaving: crew.outgoing,
      queued: crew.line.size,
      inFlight,
      answered: this.answered,
      rejected: this.rejected,
      started: this.started,
      utilisation: aliveMs > 0 ? busyMs / aliveMs : 0,
      queuedMs: latencyOf(this.#queued),
      durationMs: latencyOf(this.#duration),
    }
  }
}

function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.min(HISTOGRAM.highest, Math.max(1, Math.round(ms * PER_MS))))
}

function latencyOf(histogram: RecordableHistogram): LatencyStats {
  if (histogram.count === 0) return { count: 0, min: 0, mean: 0, p50: 0, p95: 0, p99: 0, max: 0 }
  const percentile = (percent: number) => histogram.percentile(percent) / PER_MS
  return {
    count: histogram.count,
    min: histogram.min / PER_MS,
    mean: histogram.mean / PER_MS,
    p50: percentile(50),
    p95: percentile(95),
    p99: percentile(99),
    max: histogram.max / PER_MS,
  }
}
