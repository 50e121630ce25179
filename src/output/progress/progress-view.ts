import { count } from '../count.js'
import { asciiText } from '../printable.js'
import { cutText, textWidth } from '../text-width.js'
import { type Look, type Piece, paint, type Signs, signsOf } from './look.js'
import type { ProgressState } from './progress-state.js'
import { doneText, etaText, shownRate } from './progress-words.js'
import { taskLines } from './task-lines.js'

/** A terminal: how much it has room for, and how it may be drawn on. */
export interface Space extends Look {
  readonly columns: number
  readonly rows: number
}

const LONGEST_BAR = 60
const SHORTEST_BAR = 8
/** From here on everything has a column of its own on the left, where the cursor waits. */
const LEAST_COLUMNS_FOR_MARGIN = 30
const MOST_LINES = 16

/** The block as lines, the most important first: none is wider than the terminal, and all fit on it. */
export function blockLines(state: ProgressState, space: Space): string[] {
  const most = mostLines(space.rows)
  const margin = space.columns >= LEAST_COLUMNS_FOR_MARGIN ? 1 : 0
  // In its last column some terminals begin a new line already.
  const columns = Math.max(1, space.columns - 1 - margin)
  const bar = most > 1 ? barLine(state, columns, space) : null
  const lines: string[] = bar === null ? [] : [bar.line]
  const parts = countParts(state, columns, bar === null || !bar.hasEta, space)
  const room = most - lines.length
  lines.push(...flow(parts, columns, room > 3 && columns < 60 ? 2 : 1, space))
  lines.push(...noteLines(state, columns, most - lines.length, space))
  lines.push(...taskLines(state, columns, most - lines.length, space))
  return lines.slice(0, most).map((line) => (margin > 0 && line !== '' ? ` ${line}` : line))
}

/** Not all of the screen, so that there is something to be seen of what is printed. */
function mostLines(rows: number): number {
  return Math.max(1, Math.min(rows - 1, MOST_LINES, Math.max(3, Math.floor(rows * 0.6))))
}

function barLine(state: ProgressState, columns: number, look: Look): { line: string; hasEta: boolean } | null {
  if (state.total === null) return null
  const share = state.total === 0 ? 1 : Math.min(1, state.done / state.total)
  const percent = `${String(Math.floor(share * 100)).padStart(4)}%`
  const eta = state.phase === 'going' ? `  ${etaText(state)}` : ''
  const hasEta = columns - percent.length - eta.length >= 2 * SHORTEST_BAR
  const width = Math.min(LONGEST_BAR, columns - percent.length - (hasEta ? eta.length : 0))
  if (width < SHORTEST_BAR) return null
  const bar = paintedBar(share, width, state.failed > 0, look)
  return { line: `${bar}${paint([percent, 'bold'], look)}${hasEta ? eta : ''}`, hasEta }
}

function paintedBar(share: number, width: number, hasFailed: boolean, look: Look): string {
  const { full, half, empty } = signsOf(look)
  const whole = Math.floor(share * width)
  const isHalf = whole < width && share * width - whole >= 0.5
  const done = full.repeat(whole) + (isHalf ? half : '')
  return paint([done, hasFailed ? 'yellow' : 'green'], look) + paint([empty.repeat(width - done.length), 'dim'], look)
}

/** The most important first. */
function countParts(state: ProgressState, columns: number, withEta: boolean, look: Look): Piece[] {
  const { total, done, failed, running, queued, phase, help } = state
  const isNarrow = columns < 50
  const parts: Piece[] = [
    isNarrow && total !== null ? [`${count(done)}/${count(total)}`, 'bold'] : [doneText(state), 'bold'],
  ]
  const failedText =
    columns < LEAST_COLUMNS_FOR_MARGIN ? signsOf(look).failed + count(failed) : `${count(failed)} failed`
  if (failed > 0) parts.push([failedText, 'red'])
  if (phase !== 'going') parts.push([phase, 'yellow'])
  else if (withEta) parts.push([etaText(state)])
  parts.push([`${count(running)} running`])
  if (queued > 0) parts.push([`${count(queued)} ${phase === 'stopping' ? 'not started' : 'queued'}`])
  const rate = shownRate(state)
  if (rate !== null) parts.push([rate])
  if (help === false) parts.push(['? for keys', 'dim'])
  return parts
}

/** As many of the parts as so many lines hold. */
function flow(parts: readonly Piece[], columns: number, most: number, look: Look): string[] {
  const { between, ellipsis } = signsOf(look)
  const lines: string[] = []
  let width = 0
  for (const [text, style] of parts) {
    const needed = textWidth(text)
    const last = lines.length - 1
    if (last >= 0 && width + between.length + needed <= columns) {
      lines[last] += paint([between, 'dim'], look) + paint([text, style], look)
      width += between.length + needed
    } else if (lines.length < most && (last < 0 || needed <= columns)) {
      const cut = cutText(text, columns, ellipsis)
      lines.push(paint([cut, style], look))
      width = textWidth(cut)
    }
  }
  return lines
}

const KEYS: readonly string[] = [
  'q starts nothing more',
  'p pauses, and goes on',
  '+ one job more',
  '- one less',
  '? hides this',
  'Ctrl-C ends the run',
]

/** What the keys do, and have done. */
function noteLines({ help, notice }: ProgressState, columns: number, room: number, look: Look): string[] {
  const signs: Signs = signsOf(look)
  const text = notice === null || look.unicode ? notice : asciiText(notice)
  const notes = text === null ? [] : [paint([cutText(text, columns, signs.ellipsis), 'yellow'], look)]
  if (help === true) {
    const parts = KEYS.map((text): Piece => [text, 'cyan'])
    notes.push(...flow(parts, columns, columns < 60 ? 6 : 2, look))
  }
  return notes.slice(0, Math.max(0, room))
}
