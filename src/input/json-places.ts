import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'
import type { TaskProblem } from '../task/schema.js'

/** Where in a JSON text something is wrong (offset in UTF-16 units), and in words. */
export interface JsonProblem {
  readonly offset: number
  readonly problem: string
  readonly field?: string
}

const ALIASES: Readonly<Record<string, string>> = { command: 'cmd', id: 'identifier' }

const WORDS: Readonly<Record<string, string>> = {
  PropertyNameExpected: 'expected a property name in double quotes',
  ValueExpected: 'expected a value',
  ColonExpected: 'expected a colon',
  CommaExpected: 'expected a comma',
  CloseBraceExpected: 'expected a closing brace',
  CloseBracketExpected: 'expected a closing bracket',
  EndOfFileExpected: 'expected the end of the task; write each task on a line of its own',
  InvalidCommentToken: 'expected JSON without comments',
  UnexpectedEndOfString: 'expected the closing quote of a string',
  UnexpectedEndOfNumber: 'expected the rest of a number',
  InvalidUnicode: 'expected four hexadecimal digits after \\u',
  InvalidEscapeCharacter: 'expected a valid escape after the backslash',
  InvalidCharacter: 'expected control characters to be escaped',
  InvalidSymbol: 'expected a value; strings need double quotes',
}

/** The first mistake in a text that JSON.parse has refused with `error`. */
export function syntaxProblem(text: string, error: unknown): JsonProblem {
  const errors: ParseError[] = []
  parse(text, errors)
  const [first] = errors.sort((a, b) => a.offset - b.offset)
  if (first === undefined)
    return { offset: 0, problem: `not valid JSON: ${error instanceof Error ? error.message : error}` }
  const end = text.trimEnd().length
  if (first.offset >= end)
    return { offset: end, problem: 'not valid JSON: it ends too early, before the task is whole' }
  return { offset: first.offset, problem: `not valid JSON: ${describe(first)}` }
}

function describe({ error }: ParseError): string {
  const code = printParseErrorCode(error)
  return WORDS[code] ?? code
}

/** The place of a field that is wrong: of its value, of its name where it is not known, of the task where it is missing. */
export function fieldProblem(text: string, { path, problem }: TaskProblem): JsonProblem {
  const root = parse(text, [])
  let [found, foundPath] = [nodeAt(root, path), path]
  const alias = typeof path[0] === 'string' ? ALIASES[path[0]] : undefined
  if (found === undefined && alias !== undefined) {
    foundPath = [alias, ...path.slice(1)]
    found = nodeAt(root, foundPath)
  }
  if (found === undefined) foundPath = path
  const unknown = problem.startsWith('unknown field')
  const node = unknown ? (found?.parent?.children?.[0] ?? found) : found
  const field = fieldName(foundPath)
  return { offset: node?.offset ?? root?.offset ?? 0, problem, ...(field === '' ? {} : { field }) }
}

/** Line and column of an offset in a text that itself begins at `start`. Columns are counted in characters. */
export function placeIn(text: string, offset: number, start: { line: number; column: number }) {
  const before = text.slice(0, offset).split('\n')
  const characters = [...before.at(-1)!].length
  return {
    line: start.line + before.length - 1,
    column: before.length === 1 ? start.column + characters : characters + 1,
  }
}

/** `env.PATH`, `args[2]`. */
export function fieldName(path: readonly (string | number)[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`))
    .join('')
    .replace(/^\./, '')
}

function parse(text: string, errors: ParseError[]): Node | undefined {
  try {
    return parseTree(text, errors, { disallowComments: true, allowEmptyContent: false })
  } catch (error) {
    // Its recursion ends on JSON that is nested many thousands deep.
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function nodeAt(root: Node | undefined, path: readonly (string | number)[]): Node | undefined {
  return root === undefined ? undefined : findNodeAtLocation(root, [...path])
}
