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

/** NUL, and halves of surrogate pairs: PostgreSQL takes them in no text. */
const REFUSED = /\\u(?:0000|d[89a-f])/i

/** Makes a result small enough to be kept by the thousands. Output has to be text. */
export function packResult(result: Result): PackedResult {
  const packed: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(result)) {
    if (value !== undefined && !KNOWN.has(name) && value !== DEFAULT_OF[name]) packed[name] = value
  }
  return jsonSafe(packed) as PackedResult
}

/** The value, or its JSON where that has something in it which PostgreSQL refuses. */
function jsonSafe(value: object): object | string {
  const json = JSON.stringify(value)
  return REFUSED.test(json) ? json : value
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
