import { stripVTControlCharacters } from 'node:util'
import { printable } from '../output/printable.js'
import { type Attempt, isFailure, type Result } from '../task/result.js'
import { commandText } from '../task/task.js'
import type { ReportRow, RowDetail } from './rows.js'

type Output = string | Buffer
/** A result or an attempt, whatever its output is kept as. */
export type AnyResult = Result<Output> | Attempt<Output>

/** Characters of a command, and of an id. */
const MOST_COMMAND = 240
/** Of the command of one that failed, which somebody may want to run again. */
const MOST_FAILED_COMMAND = 4_000
const MOST_ID = 200
/** Characters of each stream of one that failed. */
const MOST_OUTPUT = 4_000
const MOST_MESSAGE = 1_000
/** Characters of the outputs of all of them together. */
const MOST_OUTPUT_IN_ALL = 4 * 1024 * 1024
/** Those that failed whose signals, errors and long commands are told; of more than these only numbers are. */
const MOST_DETAILS = 20_000

/** Makes rows of results. What they hold in all is limited, whatever the tasks have printed. */
export class RowMaker {
  #outputLeft = MOST_OUTPUT_IN_ALL
  #detailsLeft = MOST_DETAILS
  #withoutOutput = 0

  /** How many that failed have none of their output, for there was too much of it. */
  get withoutOutput(): number {
    return this.#withoutOutput
  }

  /** @param run - the place of its run among those of the report. */
  rowOf(result: AnyResult, run: number): ReportRow {
    const failed = isFailure(result.state)
    const detail = failed || result.error !== null ? this.#detailOf(result) : null
    return {
      isAttempt: result.type === 'attempt',
      state: result.state,
      run,
      index: whole(result.index) ?? 0,
      id: result.id === null ? null : cutEnd(visible(result.id), MOST_ID),
      command: commandOf(result, detail === null ? MOST_COMMAND : MOST_FAILED_COMMAND),
      host: cutEnd(visible(result.host), MOST_ID),
      startMs: result.startedAt === null ? null : whole(Date.parse(result.startedAt)),
      durationMs: amount(result.durationMs) ?? 0,
      cpuUserMs: amount(result.cpuUserMs),
      cpuSystemMs: amount(result.cpuSystemMs),
      maxRssKib: result.maxRssBytes === null ? null : whole(result.maxRssBytes / 1024),
      exitCode: whole(result.exitCode),
      attempt: whole(result.attempt) ?? 0,
      attempts: whole(result.attempts) ?? 0,
      detail,
    }
  }

  #detailOf(result: AnyResult): RowDetail | null {
    if (this.#detailsLeft === 0) {
      this.#withoutOutput += 1
      return null
    }
    this.#detailsLeft -= 1
    const { signal, error, stderrBytes, stdoutBytes } = result
    return {
      ...(signal !== null && { signal: visible(signal) }),
      ...(error !== null && {
        error: { code: visible(error.code), message: cutEnd(visible(error.message), MOST_MESSAGE) },
      }),
      ...this.#outputOf(result),
      stderrBytes: whole(stderrBytes) ?? 0,
      stdoutBytes: whole(stdoutBytes) ?? 0,
    }
  }

  #outputOf({ stderr, stdout }: AnyResult): Pick<RowDetail, 'stderr' | 'stdout'> {
    if (stderr.length === 0 && stdout.length === 0) return {}
    if (this.#outputLeft <= 0) {
      this.#withoutOutput += 1
      return {}
    }
    const texts = { stderr: endOf(stderr), stdout: endOf(stdout) }
    this.#outputLeft -= texts.stderr.length + texts.stdout.length
    return {
      ...(texts.stderr !== '' && { stderr: texts.stderr }),
      ...(texts.stdout !== '' && { stdout: texts.stdout }),
    }
  }
}

function commandOf({ command, args }: AnyResult, most: number): string {
  if (command === null) return ''
  return cutEnd(visible(commandText(args === null ? { command } : { command, args })), most)
}

/** Characters of the words of a run's command line: there may be as many items in it as tasks. */
const MOST_WORDS = 1_000

/** The first words of a command line, as they can be shown. */
export function shownWords(words: readonly string[]): string[] {
  const shown: string[] = []
  let left = MOST_WORDS
  for (const word of words) {
    if (word.length > left) return [...shown, '…']
    shown.push(visible(word))
    left -= word.length + 1
  }
  return shown
}

/** The end of an output without what would colour a terminal, begun at a line where there is one near. */
function endOf(output: Output): string {
  const isText = typeof output === 'string'
  const bytes = isText ? output.slice(-2 * MOST_OUTPUT) : output.subarray(-2 * MOST_OUTPUT).toString()
  const text = visible(stripVTControlCharacters(bytes).replaceAll('\r\n', '\n'))
  if (text.length <= MOST_OUTPUT && bytes.length >= output.length) return text
  const end = text.slice(-MOST_OUTPUT)
  const line = end.indexOf('\n')
  return `…${(line !== -1 && line < MOST_OUTPUT / 2 ? end.slice(line) : end).toWellFormed()}`
}

/** Half of a character is none; not known to Node's types yet. */
declare global {
  interface String {
    toWellFormed(): string
  }
}

function cutEnd(text: string, most: number): string {
  return text.length <= most ? text.toWellFormed() : `${text.slice(0, most - 1).toWellFormed()}…`
}

/** A sign that is not seen may turn the order of what follows around, so these are shown by number as well. */
function visible(text: string): string {
  return printable(text).replace(
    /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16)}`,
  )
}

/** A number from a file that anybody may have written. */
function amount(value: number | null): number | null {
  return value !== null && value >= 0 && value <= Number.MAX_SAFE_INTEGER / 1_000 ? value : null
}

function whole(value: number | null): number | null {
  return value !== null && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? Math.round(value) : null
}
