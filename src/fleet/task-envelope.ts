import { checkedTask } from '../task/check-task.js'
import { OptionError } from '../task/errors.js'
import type { Task, Text } from '../task/task.js'
import { isTaskStream } from '../task/task-stream.js'

/** What is in a job of the queue: one task, and whose it is. */
export interface TaskEnvelope {
  /** The form; another one is refused by workers that do not know it. */
  readonly v: 1
  /** The run it belongs to. */
  readonly run: string
  /** Its place in the run's input, from 0. */
  readonly index: number
  /** The content key that it has in its run. */
  readonly key: string
  /** The user's name for it. */
  readonly id?: string
  /** What its limits hold for. */
  readonly tag?: string
  /** The task as JSON text: PostgreSQL gives an object back in another order, and a signature is over bytes. */
  readonly task: string
  /** When it was submitted, in milliseconds since 1970 by the submitter's clock. */
  readonly at: number
  /** What a {@link EnvelopeSigner} has put there. */
  readonly proof?: unknown
}

/** @throws OptionError unless it can be the name of a run: letters, digits, `_` and `-`, at most 100. */
export function checkRun(run: string): string {
  if (/^[\w-]{1,100}$/.test(run)) return run
  throw new OptionError(`run: expected up to 100 letters, digits, _ and -, not ${JSON.stringify(run)}`)
}

/** @throws OptionError unless it can be a tag: letters, digits, `_` and `-`, at most 100. */
export function checkTag(tag: string): string {
  if (isTag(tag)) return tag
  throw new OptionError(`tag: expected up to 100 letters, digits, _ and -, not ${JSON.stringify(tag)}`)
}

function isTag(tag: unknown): boolean {
  return typeof tag === 'string' && /^[\w-]{1,100}$/.test(tag)
}

/** The job's id: the same for the same task of the same run. BullMQ allows no colon in it, and no mere number. */
export function jobIdOf(run: string, key: string): string {
  return `${run}.${key}`
}

/** The run of a job; null for what is no job of drover's. */
export function runOfJob(jobId: string): string | null {
  const dot = jobId.lastIndexOf('.')
  return dot > 0 ? jobId.slice(0, dot) : null
}

/** The task as JSON, with bytes in the form `{"base64": "…"}`. */
export function taskJson(task: Task): string {
  const { name: _, ...rest } = task
  return JSON.stringify(withoutBytes(rest))
}

/** What is in a job, where it has the form of an envelope; anybody may have put it there. */
export function readEnvelope(data: unknown): TaskEnvelope | null {
  if (typeof data !== 'object' || data === null) return null
  const { v, run, index, key, id, tag, task, at } = data as Record<keyof TaskEnvelope, unknown>
  const isWhole =
    typeof v === 'number' &&
    typeof run === 'string' &&
    typeof index === 'number' &&
    typeof key === 'string' &&
    typeof task === 'string' &&
    typeof at === 'number'
  const isId = id === undefined || typeof id === 'string'
  return isWhole && isId && (tag === undefined || isTag(tag)) ? (data as TaskEnvelope) : null
}

/** Stands for what is none. */
export const NO_ENVELOPE: TaskEnvelope = { v: 1, run: '', index: 0, key: '', task: '', at: 0 }

/** @throws InputError, SyntaxError when what is in the envelope is no task. */
export function taskOf(envelope: TaskEnvelope): Task {
  return checkedTask(JSON.parse(envelope.task) as Task)
}

function withoutBytes(task: Omit<Task, 'name'>): Record<string, unknown> {
  const { command, args, env, stdin, ...rest } = task
  if (isTaskStream(stdin))
    throw new OptionError(
      'stdin: a stream cannot go through a queue; give its text or bytes, or a file that the workers have',
    )
  return {
    ...rest,
    command: jsonText(command),
    ...(args !== undefined && { args: args.map(jsonText) }),
    ...(env !== undefined && {
      env: Object.fromEntries(
        Object.entries(env).map(([name, value]) => [name, value === null ? null : jsonText(value)]),
      ),
    }),
    ...(stdin !== undefined && { stdin: jsonText(stdin) }),
  }
}

function jsonText(text: Text): string | { readonly base64: string } {
  if (!(text instanceof Uint8Array)) return text
  return { base64: Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('base64') }
}
