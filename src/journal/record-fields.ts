import { type Attempt, RESULT_STATES, type Result, type ResultState } from '../task/result.js'

type Check = (value: unknown) => boolean

const isString: Check = (value) => typeof value === 'string'
const isNumber: Check = (value) => typeof value === 'number'
const isBoolean: Check = (value) => typeof value === 'boolean'
const isText: Check = (value) => isString(value) || isString((value as { base64?: unknown } | null)?.base64)
const isError: Check = (value) =>
  isString((value as { code?: unknown } | null)?.code) && isString((value as { message?: unknown }).message)
const orNull = (check: Check): Check => {
  return (value) => value === null || check(value)
}

type Optional = 'meta' | 'value' | 'stdoutBase64' | 'stderrBase64' | 'stdoutFile' | 'stderrFile'

/** A field that a later release adds must be allowed to be missing, as it is in the journals of today. */
const FIELDS: Readonly<Record<Exclude<keyof Result, Optional>, Check>> = {
  type: isString,
  run: isString,
  id: orNull(isString),
  key: orNull(isString),
  index: isNumber,
  state: (value) => RESULT_STATES.includes(value as ResultState),
  exitCode: orNull(isNumber),
  signal: orNull(isString),
  stdout: isString,
  stderr: isString,
  stdoutBytes: isNumber,
  stderrBytes: isNumber,
  truncated: isBoolean,
  pipeHeld: isBoolean,
  leftovers: isNumber,
  attempt: isNumber,
  attempts: isNumber,
  startedAt: orNull(isString),
  durationMs: isNumber,
  queuedMs: isNumber,
  cpuUserMs: orNull(isNumber),
  cpuSystemMs: orNull(isNumber),
  maxRssBytes: orNull(isNumber),
  pid: orNull(isNumber),
  host: isString,
  command: orNull(isText),
  args: orNull((value) => Array.isArray(value) && value.every(isText)),
  error: orNull(isError),
}

const CHECKS = Object.entries(FIELDS) as [keyof Result, Check][]

/** Whether a record that says that it is a result or an attempt has all that its type promises. */
export function hasAllFields(record: Result | Attempt): boolean {
  return CHECKS.every(([name, check]) => check(record[name]))
}
