import type { Place } from './shell-line.js'

/** Quotes text for its place in a shell line, so that the shell reads exactly the text and nothing of it as code. */
export function quoteFor(quote: Place['quote'] | 'none', text: string): string {
  switch (quote) {
    case 'none':
      return text
    case 'bare':
      return `'${withinSingleQuotes(text)}'`
    case 'single':
      return withinSingleQuotes(text)
    case 'double':
      return `"'${withinSingleQuotes(text)}'"`
  }
}

function withinSingleQuotes(text: string): string {
  return text.includes("'") ? text.replaceAll("'", "'\\''") : text
}
