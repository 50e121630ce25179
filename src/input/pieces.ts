import { TemplateError } from '../task/errors.js'
import type { Form } from './item-forms.js'
import { findPlaceholders, type Span } from './placeholder.js'
import { findPlaces, HOLE, type Place } from './shell-line.js'

/** A part of a template that is filled in. */
export interface Hole {
  readonly kind: 'item'
  readonly column: number | null
  readonly form: Form
  readonly quote: Place['quote'] | 'none'
  /** Whether several items become several words, rather than one with spaces. */
  readonly several: boolean
}

/** A template is text, places for items, and places for the numbers of the task and of its slot. */
export type Piece = string | Hole | { readonly kind: 'number' } | { readonly kind: 'slot' }

/** What the placeholders of a template can refer to. */
export interface Columns {
  /** What stands for `{}`. */
  readonly replace: string
  /** Columns that have a name, and their positions from 1. */
  readonly names: ReadonlyMap<string, number>
  /** How many columns there can be at the most; Infinity where each line may have another number. */
  readonly count: number
}

/** Whether any of the words holds a placeholder for items, so that none need be appended. */
export function hasItems(words: readonly string[], columns: Columns): boolean {
  return words.some((word) => spansOf(word, columns).some((span) => span.placeholder.kind === 'item'))
}

/** The pieces of one word that is handed to a program as it is. */
export function wordPieces(word: string, columns: Columns): Piece[] {
  const spans = spansOf(word, columns)
  const whole = spans.length === 1 && spans[0]!.start === 0 && spans[0]!.end === word.length
  return cut(word, spans, () => ({ quote: 'none', several: whole }))
}

/** The pieces of a line for /bin/sh, `append`ed with the items where it has no place for them. */
export function linePieces(line: string, append: boolean, columns: Columns): Piece[] {
  const spans = spansOf(line, columns)
  const items = spans.filter((span) => span.placeholder.kind === 'item')
  const places = findPlaces(append ? `${masked(line, spans)} ${HOLE}` : masked(line, spans), (hole, why) => {
    const span = items[hole]
    if (span === undefined) throw appendError(why)
    throw new TemplateError(`${nameSpan(line, span)} ${why}`)
  })
  const pieces = cut(line, spans, (span) => places[items.indexOf(span)]!)
  if (!append) return pieces
  const { noArgument, several } = places[0]!
  if (noArgument !== null) throw appendError(noArgument)
  return [...pieces, ' ', { kind: 'item', column: null, form: '', quote: 'bare', several }]
}

function spansOf(text: string, columns: Columns): Span[] {
  if (text.includes(HOLE)) throw new TemplateError('the command has a NUL character in it; no program can be given one')
  const spans = findPlaceholders(text, columns.replace, columns.names)
  for (const span of spans) {
    const column = span.placeholder.kind === 'item' ? span.placeholder.column : null
    if (column === null || Math.abs(column) <= columns.count) continue
    const count = columns.count === 1 ? 'is only one column' : `are only ${columns.count} columns`
    throw new TemplateError(
      `${nameSpan(text, span)} can have no value: there ${count}; correct the number, or split items with --colsep`,
    )
  }
  return spans
}

function masked(line: string, spans: readonly Span[]): string {
  let [text, at] = ['', 0]
  for (const { start, end, placeholder } of spans) {
    text += line.slice(at, start) + (placeholder.kind === 'item' ? HOLE : '1')
    at = end
  }
  return text + line.slice(at)
}

function cut(text: string, spans: readonly Span[], place: (span: Span) => Pick<Hole, 'quote' | 'several'>): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  for (const span of spans) {
    if (span.start > at) pieces.push(text.slice(at, span.start))
    if (span.placeholder.kind !== 'item') pieces.push(span.placeholder)
    else {
      const { quote, several } = place(span)
      pieces.push({ ...span.placeholder, quote, several })
    }
    at = span.end
  }
  if (at < text.length) pieces.push(text.slice(at))
  return pieces
}

function nameSpan(text: string, { start, end }: Span): string {
  const before = text.slice(0, start).split('\n')
  const line = before.length > 1 ? `line ${before.length}, ` : ''
  return `"${text.slice(start, end)}" at ${line}column ${[...before.at(-1)!].length + 1} of the command`
}

function appendError(why: string): TemplateError {
  return new TemplateError(
    `items cannot be put at the end of this command: ${why.replace(/^stands /, 'that place is ')}; write {} where they belong`,
  )
}
