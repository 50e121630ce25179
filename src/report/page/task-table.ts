import { packLanes } from '../lanes.js'
import type { ReportRow, RunningTask } from '../rows.js'
import { PAGE_STATES, RUNNING } from './states.js'

/** A row of the page: of the report, or of a task that runs. */
export type PageRow = Omit<ReportRow, 'state'>

/** All rows, and what is looked at of all of them all the time as columns of numbers. */
export class TaskTable {
  readonly rows: PageRow[] = []
  /** Milliseconds since 1970; NaN for what was never started. */
  starts = new Float64Array(1024)
  durations = new Float64Array(1024)
  /** Places in {@link PAGE_STATES}. */
  states = new Uint8Array(1024)
  attempts = new Uint8Array(1024)
  groups = new Uint16Array(1024)
  /** The rows before these are results and stay; behind them are those that run. */
  settled = 0
  readonly hosts: string[] = []
  laneOf: Int32Array = new Int32Array(0)
  /** The rows of each lane by their starts. */
  lanes: Uint32Array[] = []
  /** The host of each lane, as its place. */
  laneGroups: number[] = []
  /** When the first has started and the last has ended; 0 where none has. */
  begin = 0
  end = 0

  /** How many characters nearly all commands begin with, and bars need not repeat. */
  #sharedLength = 0

  get count(): number {
    return this.rows.length
  }

  addRows(rows: readonly ReportRow[]): void {
    for (const row of rows) this.#add(row, PAGE_STATES.indexOf(row.state))
    this.settled = this.rows.length
  }

  /** Forgets all rows from a place on, and those that run. */
  truncate(count: number): void {
    this.rows.length = Math.min(count, this.rows.length)
    this.settled = Math.min(this.settled, this.rows.length)
  }

  /** Tasks that run take until now. */
  addRunning(tasks: readonly RunningTask[], now: number, host: string): void {
    for (const task of tasks) {
      const durationMs = task.startMs === null ? 0 : Math.max(0, now - task.startMs)
      this.#add(
        {
          isAttempt: false,
          run: 0,
          index: task.index,
          id: task.id,
          command: task.command,
          host,
          startMs: task.startMs,
          durationMs,
          cpuUserMs: null,
          cpuSystemMs: null,
          maxRssKib: null,
          exitCode: null,
          attempt: task.attempt,
          attempts: task.attempt,
          detail: null,
        },
        RUNNING,
      )
    }
  }

  /** Puts all rows into lanes. To be called when rows have been added. */
  arrange(): void {
    const { count, starts, durations } = this
    this.#sharedLength = sharedLength(this.rows)
    const { laneOf, counts } = packLanes(starts, durations, this.groups, count)
    const firstOf: number[] = []
    this.laneGroups = []
    for (const [group, lanes] of counts.entries()) {
      firstOf.push(this.laneGroups.length)
      for (let lane = 0; lane < lanes; lane++) this.laneGroups.push(group)
    }
    this.begin = Number.POSITIVE_INFINITY
    this.end = Number.NEGATIVE_INFINITY
    const sizes = new Uint32Array(this.laneGroups.length)
    for (let at = 0; at < count; at++) {
      if (laneOf[at]! < 0) continue
      laneOf[at]! += firstOf[this.groups[at]!]!
      sizes[laneOf[at]!]! += 1
      if (starts[at]! < this.begin) this.begin = starts[at]!
      const end = starts[at]! + durations[at]!
      if (end > this.end) this.end = end
    }
    this.lanes = [...sizes].map((size) => new Uint32Array(size))
    sizes.fill(0)
    for (let at = 0; at < count; at++) {
      const lane = laneOf[at]!
      if (lane >= 0) this.lanes[lane]![sizes[lane]!++] = at
    }
    for (const lane of this.lanes) lane.sort((a, b) => starts[a]! - starts[b]!)
    this.laneOf = laneOf
    if (this.begin > this.end) this.begin = this.end = 0
  }

  nameOf(at: number): string {
    const { id, index } = this.rows[at]!
    return id ?? `#${index + 1}`
  }

  /** What is written on its bar: its id, or what tells its command from others. */
  labelOf(at: number): string {
    const { id, command, index } = this.rows[at]!
    return id ?? (command.slice(this.#sharedLength) || command || `#${index + 1}`)
  }

  endOf(at: number): number {
    return this.starts[at]! + this.durations[at]!
  }

  #add(row: PageRow, state: number): void {
    const at = this.rows.push(row) - 1
    if (at === this.starts.length) this.#grow()
    this.starts[at] = row.startMs ?? Number.NaN
    this.durations[at] = row.durationMs
    this.states[at] = state
    this.attempts[at] = row.isAttempt ? 1 : 0
    let group = this.hosts.indexOf(row.host)
    if (group === -1) group = this.hosts.push(row.host) - 1
    this.groups[at] = group
  }

  #grow(): void {
    const grown = <Column extends Float64Array | Uint8Array | Uint16Array>(
      column: Column,
      make: new (length: number) => Column,
    ): Column => {
      const larger = new make(column.length * 2)
      larger.set(column)
      return larger
    }
    this.starts = grown(this.starts, Float64Array)
    this.durations = grown(this.durations, Float64Array)
    this.states = grown(this.states, Uint8Array)
    this.attempts = grown(this.attempts, Uint8Array)
    this.groups = grown(this.groups, Uint16Array)
  }
}

const SAMPLE = 500

/** The words that some of the commands all begin with, as a program and its options. */
function sharedLength(rows: readonly PageRow[]): number {
  const step = Math.max(1, Math.floor(rows.length / SAMPLE))
  let shared = rows[0]?.command ?? ''
  for (let at = 0; at < rows.length; at += step) {
    const { command } = rows[at]!
    while (!command.startsWith(shared)) shared = shared.slice(0, -1)
  }
  return rows.length < 2 ? 0 : shared.lastIndexOf(' ') + 1
}
