import { count } from '../count.js'
import { formatDuration } from '../duration.js'
import { asciiText } from '../printable.js'
import { cutText, padText, textWidth } from '../text-width.js'
import { type Look, type Piece, paint, signsOf } from './look.js'
import type { FailedTask, ProgressState, RunningTask } from './progress-state.js'
import { screenText } from './screen-text.js'

const MOST_FAILED = 5
/** Below this there is no room for a table. */
const LEAST_COLUMNS_FOR_TABLE = 32

interface Row {
  readonly mark: Piece
  readonly name: string
  /** How it ended, or how long it has run. */
  readonly time: Piece
  readonly command: string
  /** What is said of it besides; the first that fits. */
  readonly notes: readonly Piece[]
}

/** The latest failures and what has run the longest, a line each, in so many lines at the most. */
export function taskLines(state: ProgressState, columns: number, room: number, look: Look): string[] {
  if (room <= 0) return []
  const running = state.longest.length
  const failed = Math.min(state.failures.length, MOST_FAILED, Math.max(Math.ceil(room / 2), room - running))
  const rows = [
    ...state.failures.slice(0, failed).map((task) => failedRow(task, look)),
    ...state.longest.slice(0, room - failed).map((task) => runningRow(task, look)),
  ]
  if (columns < LEAST_COLUMNS_FOR_TABLE) return rows.map((row) => shortLine(row, columns, look))
  const nameColumns = widest(rows.map(({ name }) => name))
  const timeColumns = widest(rows.map(({ time: [text] }) => text))
  const widths = {
    name: Math.min(nameColumns, Math.max(6, Math.floor(columns / 5))),
    time: Math.min(timeColumns, Math.max(8, Math.floor(columns / 4))),
  }
  const left = columns - 2 - widths.name - 2 - widths.time - 2
  const withNotes = rows.filter(({ notes }) => notes.length > 0)
  // A command gets half of the room at the least, and what is said besides gets what is left; in columns, for who reads down.
  const commands = Math.min(
    widest(withNotes.map(({ command }) => command)),
    Math.max(Math.ceil(left / 2), left - 2 - widest(withNotes.map(({ notes }) => notes[0]![0]))),
  )
  return rows.map((row) => tableLine(row, { ...widths, left, command: commands }, look))
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(textWidth))
}

function failedRow({ name, command, end, stderr }: FailedTask, look: Look): Row {
  const said = shownText(stderr, look)
  return {
    mark: [signsOf(look).failed, 'red'],
    name: shownText(name, look),
    time: [shownText(end, look), 'red'],
    command: command === null ? '' : shownText(command, look),
    notes: said === '' ? [] : [[said, 'dim']],
  }
}

function runningRow({ name, command, elapsedMs, timesUsual }: RunningTask, look: Look): Row {
  const signs = signsOf(look)
  const times = timesUsual === null ? '' : `${count(Math.floor(timesUsual))}${signs.times}`
  return {
    mark: [signs.running, 'cyan'],
    name: shownText(name, look),
    time: [formatDuration(elapsedMs)],
    command: shownText(command, look),
    notes:
      times === ''
        ? []
        : [
            [`${times} the usual time`, 'yellow'],
            [times, 'yellow'],
          ],
  }
}

function shownText(text: string, { unicode }: Look): string {
  return unicode ? screenText(text) : asciiText(screenText(text))
}

interface Widths {
  readonly name: number
  readonly time: number
  /** Of all behind them. */
  readonly left: number
  /** Where something stands behind it. */
  readonly command: number
}

function tableLine(row: Row, widths: Widths, look: Look): string {
  const { ellipsis } = signsOf(look)
  const name = padText(cutText(row.name, widths.name, ellipsis), widths.name)
  const time = cutText(row.time[0], widths.time, ellipsis)
  const head = `${paint(row.mark, look)} ${name}  ${paint([time, row.time[1]], look)}`
  const rest = commandAndNote(row, widths, ellipsis)
  if (rest.length === 0) return head
  const padding = ' '.repeat(Math.max(0, widths.time - textWidth(time)) + 2)
  return head + padding + rest.map((piece) => paint(piece, look)).join('  ')
}

function commandAndNote({ command, notes }: Row, { left, command: columns }: Widths, ellipsis: string): Piece[] {
  const alone: Piece[] = command === '' ? [] : [[cutText(command, left, ellipsis)]]
  if (notes.length === 0) return alone
  const before: Piece[] = columns === 0 ? [] : [[padText(cutText(command, columns, ellipsis), columns)]]
  const room = left - (columns === 0 ? 0 : columns + 2)
  if (room < 3) return alone
  const [text, style] = notes.find(([words]) => textWidth(words) <= room) ?? notes.at(-1)!
  return [...before, [cutText(text, room, ellipsis), style]]
}

function shortLine({ mark, name, time, command }: Row, columns: number, look: Look): string {
  const { ellipsis } = signsOf(look)
  if (columns < 3) return paint([cutText(mark[0], columns, ellipsis), mark[1]], look)
  const rest = cutText([name, time[0], command].filter((text) => text !== '').join(' '), columns - 2, ellipsis)
  return `${paint(mark, look)} ${rest}`
}
