import { PAGE_STATES } from './states.js'
import type { TaskTable } from './task-table.js'

/** What is said of all tasks together. */
export interface Totals {
  /** By the place of the state; attempts that were followed by another are not among them. */
  readonly byState: readonly number[]
  readonly tasks: number
  /** Those of them that were started. */
  readonly started: number
  readonly attempts: number
  /** From the first start to the last end of each run, added up. */
  readonly wallMs: number
  /** How long tasks and attempts have taken, added up. */
  readonly taskMs: number
  /** Null when it was measured for none. */
  readonly cpuMs: number | null
  readonly maxRssKib: number | null
}

export function totalsOf(table: TaskTable): Totals {
  const byState = new Array<number>(PAGE_STATES.length).fill(0)
  const spans = new Map<number, [number, number]>()
  let [taskMs, cpuMs, maxRssKib, attempts, started, isMeasured] = [0, 0, -1, 0, 0, false]
  for (let at = 0; at < table.settled; at++) {
    const row = table.rows[at]!
    if (row.isAttempt) attempts += 1
    else byState[table.states[at]!]! += 1
    if (row.cpuUserMs !== null) {
      isMeasured = true
      cpuMs += row.cpuUserMs + (row.cpuSystemMs ?? 0)
    }
    if (row.maxRssKib !== null && row.maxRssKib > maxRssKib) maxRssKib = row.maxRssKib
    const [start, end] = [table.starts[at]!, table.endOf(at)]
    if (Number.isNaN(start)) continue
    taskMs += row.durationMs
    if (!row.isAttempt) started += 1
    const span = spans.get(row.run)
    if (span === undefined) spans.set(row.run, [start, end])
    else {
      if (start < span[0]) span[0] = start
      if (end > span[1]) span[1] = end
    }
  }
  let wallMs = 0
  for (const [start, end] of spans.values()) wallMs += end - start
  return {
    byState,
    tasks: byState.reduce((sum, count) => sum + count, 0),
    started,
    attempts,
    wallMs,
    taskMs,
    cpuMs: isMeasured ? cpuMs : null,
    maxRssKib: maxRssKib < 0 ? null : maxRssKib,
  }
}
