import type { Result } from '../task/result.js'
import type { Task } from '../task/task.js'

/** What a result says beyond what its task and the defaults say. */
type ResultFields = Partial<Omit<Result, 'type' | 'run' | 'key' | 'index' | 'command' | 'args' | 'meta' | 'id'>> &
  Pick<Result, 'state'>

/** A result in the form in which it is in the queue: an object, or its JSON where a server would not take the object as it is. */
export type PackedResult = ResultFields | string

/** What most results say. */
const DEFAULTS = {
  exitCode: null,
  signal: null,
  stdout: '',
  stderr: '',
  stdoutBytes: 0,
  stderrBytes: 0,
  truncated: false,
  pipeHeld: false,
  leftovers: 0,
  attempt: 1,
  attempts: 1,
  startedAt: null,
  durationMs: 0,
  queuedMs: 0,
  cpuUserMs: null,
  cpuSystemMs: null,
  maxRssBytes: null,
  pid: null,
  host: '',
  error: null,
} as const satisfies Partial<Result>

const DEFAULT_OF: Readonly<Record<string, unknown>> = DEFAULTS

/** What the reader knows from the task. */
const KNOWN = new Set(['type', 'run', 'key', 'index', 'command', 'args', 'meta', 'id'])

/** NUL, and halves of surrogate pairs. */
const BROKEN = /[\0\p{Surrogate}]/u

/** NUL, and halves of surrogate pairs, as JSON has them: PostgreSQL takes them in no text. */
const REFUSED = /\\u(?:0000|d[89a-f])/i

/** Makes a result small enough to be kept by the thousands. Output has to be text. */
export function packResult(result: Result): PackedResult {
  const packed: Record<string, unknown> = {}
  let isPlain = true
  for (const name in result) {
    const value = (result as unknown as Record<string, unknown>)[name]
    if (value === undefined || value === DEFAULT_OF[name] || KNOWN.has(name)) continue
    packed[name] = value
    isPlain &&= typeof value === 'string' ? isHarmless(value) : typeof value !== 'object'
  }
  if (isPlain) return packed as unknown as PackedResult
  const json = JSON.stringify(packed)
  return REFUSED.test(json) ? json : (packed as unknown as PackedResult)
}

function isHarmless(text: string): boolean {
  return !BROKEN.test(text)
}

/** Whose a packed result is. */
export interface ResultOwner {
  readonly run: string
  readonly index: number
  readonly key: string
  readonly task: Task
}

/** The whole result again. @throws SyntaxError when it is none. */
export function unpackResult(packed: PackedResult, { run, index, key, task }: ResultOwner): Result {
  const fields = (typeof packed === 'string' ? JSON.parse(packed) : packed) as ResultFields
  return {
    ...DEFAULTS,
    ...fields,
    type: 'result',
    run,
    id: task.id ?? null,
    key,
    index,
    command: task.command,
    args: task.args ?? null,
    ...(task.meta !== undefined && { meta: task.meta }),
  }
}

/** Only the state, for who counts. */
export function stateOfPacked(packed: PackedResult): Result['state'] {
  return ((typeof packed === 'string' ? JSON.parse(packed) : packed) as ResultFields).state
}
