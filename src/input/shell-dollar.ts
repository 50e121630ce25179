import { afterAnsiQuote, afterArithmetic, afterParameter, afterSubstitution } from './shell-skips.js'

/** What a `$` begins. */
export type Dollar =
  /** So many characters of text, or the opening of a substitution whose inside is a bare place. */
  | { readonly kind: 'text' | 'open'; readonly length: number }
  /** A construct that is passed over as a whole; `why` no placeholder comes later, where its end cannot be told. */
  | { readonly kind: 'skipped'; readonly after: (line: string, at: number) => number; readonly why: string }
  /** Something after which no placeholder is safe. */
  | { readonly kind: 'unclear'; readonly why: string }
  /** The placeholder itself. */
  | { readonly kind: 'refused'; readonly why: string }

/**
 * Tells what a `$` begins from the two characters after it.
 *
 * @param quoted - whether it is within double quotes
 */
export function readDollar(next: string, second: string, quoted: boolean): Dollar {
  if (next === '\0') return { kind: 'refused', why: 'stands directly after a "$"' }
  if (next === '{') {
    const why = 'comes after a ${…} with quotes, braces or other things too tangled to follow'
    return { kind: 'skipped', after: afterParameter, why }
  }
  if (next === '(' && second === '(')
    return { kind: 'skipped', after: afterArithmetic, why: 'stands within or after a $((…))' }
  if (next === '(' && quoted) {
    const why = 'stands within "$(…)" or after one that is too tangled to follow; close the double quotes before $('
    return { kind: 'skipped', after: afterSubstitution, why }
  }
  if (next === '(') return { kind: 'open', length: 2 }
  if (next === '[') return { kind: 'unclear', why: 'stands within or after $[…]; keep to $((…))' }
  if (next === '$' && /^['"({[\\\0]$/.test(second))
    return { kind: 'unclear', why: 'comes after "$$"; put $$ in double quotes' }
  if (next === '\\' && second === '\n')
    return { kind: 'unclear', why: 'comes after a "$" at the end of a continued line' }
  if (next === '"' && !quoted)
    return { kind: 'unclear', why: 'stands within or after $"…", which not every sh knows; use "…"' }
  if (next === "'" && !quoted) {
    const why = "stands within $'…' or after one that not every sh ends at the same place"
    return { kind: 'skipped', after: afterAnsiQuote, why }
  }
  return { kind: 'text', length: /^[\w$?!#*@-]$/.test(next) ? 2 : 1 }
}
