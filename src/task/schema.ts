import * as v from 'valibot'
import { mostSimilar } from './similar.js'
import type { Task } from './task.js'

/** What is wrong with a value that should be a task: where, as keys from the outside in, and in words. */
export interface TaskProblem {
  readonly path: readonly (string | number)[]
  readonly problem: string
}

// Not v.base64, whose expression overflows the stack at some megabytes.
const isBase64 = (value: string) => value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value)
const base64 = v.pipe(v.string(), v.check(isBase64, 'expected base64'))
const text = v.union([v.string(), v.strictObject({ base64 })], 'expected a string or {"base64": "…"}')
const noNul = (message: string) => v.check<string, string>((value) => !value.includes('\0'), message)
const noNulText = v.check<v.InferOutput<typeof text>, string>(
  (value) => typeof value !== 'string' || !value.includes('\0'),
  'expected a string without NUL characters; no program can be given one',
)
const variableName = v.pipe(
  v.string(),
  v.regex(/^[^=\0]+$/, 'expected a variable name that is not empty and has no "=" or NUL in it'),
)
const variableValue = v.nullable(v.pipe(text, noNulText))
// Not v.record, which takes arrays for objects and drops variables called `constructor`.
const environment = v.pipe(
  v.custom<Record<string, unknown>>(isObject, 'expected an object of strings and nulls'),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    for (const [key, value] of Object.entries(dataset.value)) {
      const issue = v.safeParse(variableName, key).issues?.[0] ?? v.safeParse(variableValue, value).issues?.[0]
      if (issue === undefined) continue
      const path = { type: 'object', origin: 'value', input: dataset.value, key, value } as const
      addIssue({ message: issue.message, input: issue.input, path: [path] })
    }
  }),
)
const count = (message: string) => v.pipe(v.number(message), v.integer(message), v.minValue(0, message))
const wholeFromOne = 'expected a whole number of at least 1'

const PLACE = 'expected a place in the file, a whole number of at least 0'
const RANGE = 'expected a range like [0, 4096]: its first byte and the one after its last'

const fileNames = v.array(
  v.pipe(v.string('expected a path'), v.nonEmpty('expected a path'), noNul('expected a path without NUL characters')),
  'expected an array of paths',
)

const fields = {
  id: v.optional(v.pipe(v.string('expected a string'), v.nonEmpty('expected a string that is not empty'))),
  command: v.pipe(
    text,
    v.check((value) => value !== '', 'expected a command that is not empty'),
    noNulText,
  ),
  args: v.optional(v.array(v.pipe(text, noNulText), 'expected an array of strings')),
  cwd: v.optional(
    v.pipe(
      v.string('expected a string'),
      v.nonEmpty('expected a path'),
      noNul('expected a path without NUL characters'),
    ),
  ),
  env: v.optional(environment),
  stdin: v.optional(text),
  stdinFile: v.optional(
    v.pipe(v.string('expected a path'), v.nonEmpty('expected a path'), noNul('expected a path without NUL characters')),
  ),
  stdinRanges: v.optional(
    v.pipe(
      v.array(v.strictTuple([count(PLACE), count(PLACE)], RANGE), 'expected an array of ranges like [0, 4096]'),
      v.nonEmpty('expected at least one range'),
      v.maxLength(64, 'expected at most 64 ranges'),
      v.checkItems(([start, end]) => start <= end, 'expected a range that does not end before it begins'),
    ),
  ),
  transfer: v.optional(fileNames),
  return: v.optional(fileNames),
  timeoutMs: v.optional(
    v.pipe(
      v.number('expected milliseconds, a number'),
      v.finite('expected a finite number'),
      v.minValue(0, 'expected 0 or more milliseconds'),
      v.maxValue(2 ** 31 - 1, 'expected at most 2147483647 milliseconds (24 days)'),
    ),
  ),
  retries: v.optional(count('expected a whole number of at least 0')),
  weight: v.optional(v.pipe(v.number(wholeFromOne), v.integer(wholeFromOne), v.minValue(1, wholeFromOne))),
  priority: v.optional(v.pipe(v.number('expected a number'), v.finite('expected a finite number'))),
  meta: v.optional(v.unknown()),
}

const EXPECTED_TASK = 'expected an object like {"command": "…"}'
const schema = v.strictObject(fields, EXPECTED_TASK)
const ALIASES: Readonly<Record<string, 'command' | 'id'>> = { cmd: 'command', identifier: 'id' }
const KNOWN = [...Object.keys(fields), ...Object.keys(ALIASES)]

/**
 * Reads a value that came out of JSON as a task; the aliases `cmd` and `identifier` are read too.
 *
 * @returns the task, or all that is wrong with it, the first problem first.
 */
export function parseTask(value: unknown): { task: Task } | { problems: readonly TaskProblem[] } {
  if (!isObject(value)) return { problems: [{ path: [], problem: `${EXPECTED_TASK}, not ${describeKind(value)}` }] }
  const { renamed, clash } = renameAliases(value)
  if (clash !== undefined) return { problems: [clash] }
  const parsed = v.safeParse(schema, renamed)
  if (!parsed.success) {
    const problems = parsed.issues.map(toProblem)
    const mistyped = mistypedField(renamed)
    return { problems: mistyped === null ? problems : [mistyped, ...problems] }
  }
  const task = parsed.output as Task
  if (task.stdin !== undefined && task.stdinFile !== undefined) {
    return { problems: [{ path: ['stdinFile'], problem: 'expected either stdin or stdinFile, not both' }] }
  }
  if (task.stdinRanges !== undefined && task.stdinFile === undefined) {
    return {
      problems: [{ path: ['stdinRanges'], problem: 'expected stdinFile as well, the file that they are ranges of' }],
    }
  }
  return { task }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function describeKind(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  return value === null || value === undefined ? String(value) : `a ${typeof value}`
}

function renameAliases(value: Record<string, unknown>): { renamed: Record<string, unknown>; clash?: TaskProblem } {
  let renamed = value
  for (const [alias, name] of Object.entries(ALIASES)) {
    if (!Object.hasOwn(renamed, alias)) continue
    if (Object.hasOwn(renamed, name)) {
      return {
        renamed,
        clash: { path: [alias], problem: `expected either "${name}" or its alias "${alias}", not both` },
      }
    }
    const { [alias]: moved, ...rest } = renamed
    renamed = { ...rest, [name]: moved }
  }
  return { renamed }
}

/** A field that was meant to be another: said first, since without it that other may seem to be missing. */
function mistypedField(value: Record<string, unknown>): TaskProblem | null {
  for (const field of Object.keys(value)) {
    if (Object.hasOwn(fields, field)) continue
    const meant = mostSimilar(field, KNOWN)
    if (meant !== null)
      return { path: [field], problem: `unknown field; did you mean "${meant}"? Put data of your own under "meta"` }
  }
  return null
}

function toProblem(issue: v.BaseIssue<unknown>): TaskProblem {
  const path = (issue.path ?? []).map((item) => item.key as string | number)
  const name = path.at(-1)
  if (issue.type === 'strict_object' && issue.expected === 'never' && path.length === 1) {
    return {
      path,
      problem: `unknown field; known are ${Object.keys(fields).join(', ')}. Put data of your own under "meta"`,
    }
  }
  if (issue.type === 'strict_object' && path.length === 1 && issue.received === 'undefined') {
    return { path, problem: `expected ${name === 'command' ? 'a command, but there is none' : String(issue.expected)}` }
  }
  // Of an empty string the library tells the length.
  const received = issue.type === 'non_empty' ? '""' : shorten(issue.received)
  return { path, problem: `${issue.message}, not ${received}` }
}

function shorten(received: string): string {
  return received.length > 60 ? `${received.slice(0, 57)}...` : received
}
