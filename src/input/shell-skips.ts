/**
 * Finds the ends of constructs in a shell line that are passed over as a whole. Each pattern takes only what every
 * shell that may be /bin/sh (dash, bash from 3.2, ash, ksh) ends at the same character; -1 says "cannot tell".
 * None of them takes a NUL, the mark of a placeholder.
 */

const QUOTED_PLAIN = String.raw`"[\w ./:,@%+=-]*"|'[\w ./:,@%+=-]*'`
const BRACES = new RegExp(
  String.raw`\$\{[\w@*?!$#-](?:[\w.,:;/@%+*=?!~^|&[\]\- \t]|(?<![ \t])#|\$\w|\$\{\w+\}|${QUOTED_PLAIN})*\}`,
  'y',
)
const SUM = String.raw`[\w \t+*/%<>=!&|^~?:,-]|\$\w|\$\{\w+\}`
const ARITHMETIC = new RegExp(String.raw`\$\(\((?:${SUM}|\((?:${SUM})*\))*\)\)`, 'y')
const PLAIN_IN_SUBSTITUTION =
  /(?:[\w \t.,:;@%+*=?!~^/[\]{}|&>-]|<(?!<)|\$[\w?!@*#-]|'[^'\0\n]*'|"(?:[^"`\\$\0\n]|\$\w)*")+/y
const HERE_DELIMITER = /<<-?[ \t]*(?:'[\w.!+ -]+'|"[\w.!+ -]+"|\\?[\w.!+-]+)(?=[ \t\n;&|<>()]|$)/y
const GLOB_CLASS = /\[(?:\[:\w+:\]|[\w.*@!^-])*\]/y

/** After `${…}`. */
export function afterParameter(line: string, at: number): number {
  return afterMatch(BRACES, line, at)
}

/** After `$((…))`. */
export function afterArithmetic(line: string, at: number): number {
  return afterMatch(ARITHMETIC, line, at)
}

/** After `<<WORD`. */
export function afterHereDelimiter(line: string, at: number): number {
  return afterMatch(HERE_DELIMITER, line, at)
}

/** After `[…]` that can only be a class of characters or a plain index. */
export function afterGlobClass(line: string, at: number): number {
  return afterMatch(GLOB_CLASS, line, at)
}

/** After `$(…)`, without `case`, comments, here-documents, backslashes, backticks and parentheses of its own. */
export function afterSubstitution(line: string, start: number): number {
  let at = start + 2
  while (at < line.length) {
    const plain = afterMatch(PLAIN_IN_SUBSTITUTION, line, at)
    if (plain >= 0) at = plain
    else if (line[at] === ')') return /\b(?:case|esac)\b/.test(line.slice(start, at)) ? -1 : at + 1
    else {
      at = line.startsWith('$(', at) && line[at + 2] !== '(' ? afterSubstitution(line, at) : afterParameter(line, at)
      if (at < 0) return -1
    }
  }
  return -1
}

/** After `$'…'`, where shells that know it and shells that don't agree on its end. */
export function afterAnsiQuote(line: string, start: number): number {
  let at = start + 2
  while (at < line.length && line[at] !== "'") at += line[at] === '\\' ? 2 : 1
  return at === line.indexOf("'", start + 2) && !line.slice(start, at).includes('\0') ? at + 1 : -1
}

function afterMatch(pattern: RegExp, line: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(line) ? pattern.lastIndex : -1
}
