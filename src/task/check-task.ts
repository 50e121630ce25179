import { InputError } from './errors.js'
import { parseTask } from './schema.js'
import type { Task } from './task.js'
import { isTaskStream } from './task-stream.js'

/**
 * Checks a task that a program hands over. A plain one (strings only) is checked by hand, since the schema costs more
 * than all else that happens to a task before its start; everything else, and whatever looks wrong, goes to the schema.
 *
 * @throws InputError that names the field and what was expected.
 */
export function checkedTask(task: Task): Task {
  if (isPlain(task)) return task
  const { name, stdin, ...others } =
    typeof task === 'object' && task !== null ? task : { name: undefined, stdin: undefined, ...(task as object) }
  // What JSON has no form for, and need not be copied to be checked.
  const isOwn = stdin instanceof Uint8Array || isTaskStream(stdin)
  const rest = stdin === undefined ? others : { ...others, stdin: isOwn ? '' : stdin }
  const parsed = parseTask(Array.isArray(task) || typeof task !== 'object' ? task : bytesAsBase64(rest))
  if ('problems' in parsed) {
    const { path, problem } = parsed.problems[0]!
    const field = path
      .map((key, depth) => (typeof key === 'number' ? `[${key}]` : `${depth > 0 ? '.' : ''}${key}`))
      .join('')
    throw new InputError({ source: name === undefined ? 'task' : `task ${name}`, field }, problem)
  }
  const named = name === undefined ? parsed.task : { ...parsed.task, name }
  return isOwn ? { ...named, stdin } : named
}

const PLAIN_FIELDS = new Set(['command', 'args', 'id', 'name', 'cwd', 'stdin', 'meta'])

function isPlain(task: Task): boolean {
  if (typeof task !== 'object' || task === null) return false
  for (const field in task) if (!PLAIN_FIELDS.has(field)) return false
  const { command, args, id, name, cwd, stdin } = task
  if (!isPlainString(command) || command === '') return false
  if (id !== undefined && (!isPlainString(id) || id === '')) return false
  if (name !== undefined && typeof name !== 'string') return false
  if (cwd !== undefined && (!isPlainString(cwd) || cwd === '')) return false
  if (stdin !== undefined && typeof stdin !== 'string' && !(stdin instanceof Uint8Array) && !isTaskStream(stdin))
    return false
  return args === undefined || (Array.isArray(args) && args.every(isPlainString))
}

function isPlainString(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0')
}

/** Bytes in the form that the schema knows. */
function bytesAsBase64(value: unknown): unknown {
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') }
  if (Array.isArray(value)) return value.map(bytesAsBase64)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([key, inner]) => [key, key === 'meta' ? inner : bytesAsBase64(inner)]),
  )
}
