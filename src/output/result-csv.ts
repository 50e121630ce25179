import { stringify } from 'csv-stringify/sync'
import type { Attempt, Result } from '../task/result.js'
import { displayText } from '../task/task.js'
import type { OutputWriter } from './fd-writer.js'
import type { MaybeVoid } from './maybe.js'
import type { ResultPrinter } from './result-printer.js'

type Cell = string | number | null
type AnyRecord = Result | Attempt

const COLUMNS: Readonly<Record<string, (record: AnyRecord) => Cell>> = {
  index: ({ index }) => index,
  id: ({ id }) => id,
  key: ({ key }) => key,
  state: ({ state }) => state,
  exitCode: ({ exitCode }) => exitCode,
  signal: ({ signal }) => signal,
  attempt: ({ attempt }) => attempt,
  attempts: ({ attempts }) => attempts,
  startedAt: ({ startedAt }) => startedAt,
  durationMs: ({ durationMs }) => durationMs,
  queuedMs: ({ queuedMs }) => queuedMs,
  cpuUserMs: ({ cpuUserMs }) => cpuUserMs,
  cpuSystemMs: ({ cpuSystemMs }) => cpuSystemMs,
  maxRssBytes: ({ maxRssBytes }) => maxRssBytes,
  pid: ({ pid }) => pid,
  host: ({ host }) => host,
  command: ({ command }) => (command === null ? null : displayText(command)),
  args: ({ args }) => (args === null ? null : JSON.stringify(args)),
  stdout: ({ stdout }) => stdout,
  stderr: ({ stderr }) => stderr,
  stdoutBytes: ({ stdoutBytes }) => stdoutBytes,
  stderrBytes: ({ stderrBytes }) => stderrBytes,
  truncated: ({ truncated }) => String(truncated),
  errorCode: ({ error }) => error?.code ?? null,
  errorMessage: ({ error }) => error?.message ?? null,
  run: ({ run }) => run,
}

/** So many characters of output are gathered before they are made into rows; that costs less than one row at a time. */
const BATCH_CHARACTERS = 64 * 1024
const ROW_CHARACTERS = 500

/**
 * Prints results as CSV with a header. What a task has printed must not become a formula in a spreadsheet, so a `'` is put
 * before text that begins as one (`=`, `+`, `-`, `@`, a tab or a carriage return).
 */
export class CsvRows implements ResultPrinter {
  readonly #writer: OutputWriter
  readonly #columns: readonly [string, (record: AnyRecord) => Cell][]
  #rows: Cell[][]
  #characters = 0

  /** @param withType - adds a last column that tells results and attempts apart. */
  constructor(writer: OutputWriter, withType: boolean) {
    this.#writer = writer
    this.#columns = Object.entries(withType ? { ...COLUMNS, type: (record: AnyRecord) => record.type } : COLUMNS)
    this.#rows = [this.#columns.map(([name]) => name)]
  }

  print(record: AnyRecord): MaybeVoid {
    this.#rows.push(this.#columns.map(([, cellOf]) => cellOf(record)))
    this.#characters += ROW_CHARACTERS + record.stdout.length + record.stderr.length
    return this.#characters < BATCH_CHARACTERS ? undefined : this.end()
  }

  end(): MaybeVoid {
    const rows = this.#rows
    this.#rows = []
    this.#characters = 0
    return this.#writer.write(stringify(rows, { escape_formulas: true }))
  }
}
