import { FORMS, type Form } from './item-forms.js'

/** What stands in a template for something that is filled in. */
export type Placeholder =
  /** The whole item (`column` null), a column from 1, or from the end (-1 is the last). */
  | { readonly kind: 'item'; readonly column: number | null; readonly form: Form }
  | { readonly kind: 'number' }
  | { readonly kind: 'slot' }

/** A placeholder and where it stands, from `start` up to before `end`. */
export interface Span {
  readonly start: number
  readonly end: number
  readonly placeholder: Placeholder
}

const POSITION = /^(-?[1-9]\d{0,8})(\/\.|\/\/|\/|\.)?$/

/**
 * Finds the placeholders in a text. `${…}` is passed over up to the brace that balances it, and whatever else stands in
 * braces and is no placeholder is text.
 *
 * @param replace - what stands for `{}`
 * @param names - columns that have a name, and their positions from 1
 */
export function findPlaceholders(text: string, replace: string, names: ReadonlyMap<string, number>): Span[] {
  const spans: Span[] = []
  let at = 0
  while (at < text.length) {
    if (text.startsWith('${', at)) {
      at = afterBraces(text, at + 2)
      continue
    }
    if (text.startsWith(replace, at)) {
      spans.push({ start: at, end: at + replace.length, placeholder: { kind: 'item', column: null, form: '' } })
      at += replace.length
      continue
    }
    const close = text[at] === '{' ? text.indexOf('}', at) : -1
    const placeholder = close < 0 ? null : parse(text.slice(at + 1, close), names)
    if (placeholder === null) {
      at += 1
      continue
    }
    spans.push({ start: at, end: close + 1, placeholder })
    at = close + 1
  }
  return spans
}

function parse(inside: string, names: ReadonlyMap<string, number>): Placeholder | null {
  if (inside === '#') return { kind: 'number' }
  if (inside === '%') return { kind: 'slot' }
  for (const form of FORMS) if (inside === form) return { kind: 'item', column: null, form }
  const position = POSITION.exec(inside)
  if (position !== null) return { kind: 'item', column: Number(position[1]), form: (position[2] ?? '') as Form }
  const named = names.get(inside)
  if (named !== undefined) return { kind: 'item', column: named, form: '' }
  for (const form of FORMS) {
    const column = inside.endsWith(form) ? names.get(inside.slice(0, -form.length)) : undefined
    if (column !== undefined) return { kind: 'item', column, form }
  }
  return null
}

function afterBraces(text: string, inside: number): number {
  let depth = 1
  for (let at = inside; at < text.length; at++) {
    if (text[at] === '{') depth += 1
    else if (text[at] === '}') depth -= 1
    if (depth === 0) return at + 1
  }
  return inside
}
