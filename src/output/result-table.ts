import { styleText } from 'node:util'
import { type Attempt, isFailure, type Result, type ResultState } from '../task/result.js'
import { commandText } from '../task/task.js'
import { formatDuration } from './duration.js'
import type { OutputWriter } from './fd-writer.js'
import type { MaybeVoid } from './maybe.js'
import { printableLine } from './printable.js'
import type { ResultPrinter } from './result-printer.js'
import { cutText, padText, textWidth } from './text-width.js'

export interface ResultTableOptions {
  readonly writer: OutputWriter
  readonly color: boolean
  /** The width of the terminal, asked for each row; null where rows are as long as they are. */
  readonly columns: () => number | null
}

type AnyRecord = Result | Attempt

interface Row {
  readonly state: ResultState
  readonly duration: string
  readonly end: string
  readonly task: string
  readonly command: string
}

/** The column of names is as wide as the widest of so many rows; a later one that is wider pushes its command aside. */
const FIRST_ROWS = 500
const FIRST_CHARACTERS = 256 * 1024
const MOST_TASK_COLUMNS = 40

const STATE_COLUMNS = 'spawn-failed'.length
const DURATION_COLUMNS = '59 min 59 s'.length
const END_COLUMNS = 'exit 127'.length
const GAP = '  '

/** Prints results for people: state, duration, how the process ended, the task's id or number, and its command. */
export class ResultTable implements ResultPrinter {
  readonly #options: ResultTableOptions
  /** Null when the width of the names is known. */
  #first: Row[] | null = []
  #firstCharacters = 0
  #taskColumns = 0

  constructor(options: ResultTableOptions) {
    this.#options = options
  }

  print(record: AnyRecord): MaybeVoid {
    const row = rowOf(record)
    if (this.#first === null) return this.#options.writer.write(this.#lineOf(row))
    this.#first.push(row)
    this.#firstCharacters += row.task.length + row.command.length
    if (this.#first.length >= FIRST_ROWS || this.#firstCharacters >= FIRST_CHARACTERS) return this.end()
  }

  end(): MaybeVoid {
    const rows = this.#first
    if (rows === null) return undefined
    this.#first = null
    for (const { task } of rows) this.#taskColumns = Math.max(this.#taskColumns, textWidth(task))
    this.#taskColumns = Math.min(this.#taskColumns, MOST_TASK_COLUMNS)
    return this.#options.writer.write(rows.map((row) => this.#lineOf(row)).join(''))
  }

  #lineOf({ state, duration, end, task, command }: Row): string {
    const rest = [
      duration.padStart(DURATION_COLUMNS),
      end.padEnd(END_COLUMNS),
      padText(task, this.#taskColumns),
      command,
    ].join(GAP)
    const line = `${state.padEnd(STATE_COLUMNS)}${GAP}${rest}`.trimEnd()
    const columns = this.#options.columns()
    const shown = columns === null ? line : cutText(line, columns)
    if (!this.#options.color) return `${shown}\n`
    const stateEnd = Math.min(state.length, shown.length)
    return `${colored(state, shown.slice(0, stateEnd))}${shown.slice(stateEnd)}\n`
  }
}

function colored(state: ResultState, text: string): string {
  const color = state === 'succeeded' ? 'green' : isFailure(state) ? 'red' : 'yellow'
  // Whether there is color has been decided, and not by what standard output is.
  return styleText(color, text, { validateStream: false })
}

function rowOf(record: AnyRecord): Row {
  const { state, startedAt, durationMs, command, args } = record
  return {
    state,
    duration:
      startedAt === null ? '-' : durationMs < 1_000 ? `${Math.round(durationMs)} ms` : formatDuration(durationMs),
    end: endOf(record),
    task: printableLine(nameOf(record)),
    command: command === null ? '-' : printableLine(commandText(args === null ? { command } : { command, args })),
  }
}

function endOf({ exitCode, signal, error }: AnyRecord): string {
  if (exitCode !== null) return `exit ${exitCode}`
  if (signal !== null) return printableLine(signal)
  // Those of the system say why there was no process; drover's own say what the state says.
  return error === null || error.code.startsWith('ERR_') ? '-' : printableLine(error.code)
}

function nameOf({ type, id, index, attempt, attempts }: AnyRecord): string {
  const name = id ?? `#${index + 1}`
  return type === 'result' ? name : `${name} (try ${attempt} of ${attempts})`
}
