import type { TaskTable } from './task-table.js'

/** What went on in equal parts of a span of time. */
export interface TimeSeries {
  /** When each part begins and the last one ends, in seconds since the beginning of all. What follows has the last part twice. */
  readonly at: number[]
  /** How many ran at once, on average. */
  readonly running: number[]
  /** How many results a second there were. */
  readonly rate: number[]
  /** Processors in use, on average; null where nothing that ran was measured. */
  readonly cpus: (number | null)[]
  /** The most memory that one of those that ran has used, in MiB; null where nothing was measured. */
  readonly memory: (number | null)[]
}

/**
 * Averages over equal parts from one time to another, in milliseconds. The processor time of a task is spread evenly over the time it took, as
 * nothing more is known of it.
 */
export function timeSeries(table: TaskTable, from: number, to: number, parts: number): TimeSeries {
  const width = (to - from) / parts
  const running = new Float64Array(parts)
  const ended = new Float64Array(parts)
  const cpus = new Float64Array(parts)
  const memory = new Float64Array(parts)
  const measured = new Uint8Array(parts)
  const { starts, durations, attempts, rows, count } = table
  for (let at = 0; at < count; at++) {
    const start = starts[at]!
    const end = start + durations[at]!
    if (!(end >= from && start <= to)) continue
    if (end <= to && at < table.settled && attempts[at] === 0) ended[partOf(end)]! += 1
    const { cpuUserMs, cpuSystemMs, maxRssKib } = rows[at]!
    const cpu = cpuUserMs === null || durations[at]! === 0 ? 0 : (cpuUserMs + (cpuSystemMs ?? 0)) / durations[at]!
    const [first, last] = [partOf(Math.max(start, from)), partOf(Math.min(end, to))]
    for (let part = first; part <= last; part++) {
      const share = (Math.min(end, from + (part + 1) * width) - Math.max(start, from + part * width)) / width
      running[part]! += share
      cpus[part]! += share * cpu
      if (maxRssKib !== null && maxRssKib > memory[part]!) memory[part] = maxRssKib
      if (cpuUserMs !== null || maxRssKib !== null) measured[part] = 1
    }
  }
  const list = <Value>(read: (part: number) => Value, last = parts - 1) =>
    Array.from({ length: parts + 1 }, (_, part) => read(Math.min(part, last)))
  return {
    at: list((part) => (from - table.begin + part * width) / 1_000, parts),
    running: list((part) => running[part]!),
    rate: list((part) => (ended[part]! / width) * 1_000),
    cpus: list((part) => (measured[part] ? cpus[part]! : running[part]! > 0 ? null : 0)),
    memory: list((part) => (measured[part] ? memory[part]! / 1_024 : null)),
  }

  function partOf(time: number): number {
    return Math.min(parts - 1, Math.max(0, Math.floor((time - from) / width)))
  }
}

/** How many tasks took how long. */
export interface Histogram {
  /** The border before each bin, and behind the last one; in milliseconds. */
  readonly borders: number[]
  readonly counts: number[]
  readonly isLog: boolean
}

const BINS_A_DECADE = 10
const LINEAR_BINS = 40
/** With the longest so many times the shortest, equal bins would have nearly all in the first one. */
const LOG_FROM = 30

/** Whether the durations are so different that a logarithmic scale shows more. */
export function spreadsWide(durations: readonly number[]): boolean {
  const [least, most] = limits(durations)
  return most / least > LOG_FROM
}

export function histogram(durations: readonly number[], isLog: boolean): Histogram {
  const [least, most] = limits(durations)
  const first = isLog ? Math.floor(Math.log10(least) * BINS_A_DECADE) : 0
  const bins = isLog ? Math.max(1, Math.floor(Math.log10(most) * BINS_A_DECADE) + 1 - first) : LINEAR_BINS
  const step = isLog ? 1 / BINS_A_DECADE : niceAbove(most) / LINEAR_BINS
  const counts = new Array<number>(bins).fill(0)
  for (const duration of durations) {
    const bin = isLog
      ? Math.floor(Math.log10(Math.max(duration, least)) * BINS_A_DECADE) - first
      : Math.floor(duration / step)
    counts[Math.min(Math.max(bin, 0), bins - 1)]! += 1
  }
  const border = (bin: number) => (isLog ? 10 ** ((first + bin) / BINS_A_DECADE) : bin * step)
  return { borders: Array.from({ length: bins + 1 }, (_, bin) => border(bin)), counts, isLog }
}

/** The shortest, which is at least a microsecond, and the longest. */
function limits(durations: readonly number[]): [number, number] {
  let least = Number.POSITIVE_INFINITY
  let most = 0
  for (const duration of durations) {
    if (duration < least) least = duration
    if (duration > most) most = duration
  }
  least = Math.max(0.001, least === Number.POSITIVE_INFINITY ? 1 : least)
  return [least, Math.max(least, most)]
}

function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((nice) => nice > value) ?? 20 * power
}

/** The least value within which so much of them is, from sorted ones. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}
