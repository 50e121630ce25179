import type { ResultError } from './result.js'
import { isTaskStream } from './task-stream.js'

/**
 * Text that may hold any bytes: a string (UTF-8), bytes, or bytes written as base64, the form that JSON can carry.
 */
export type Text = string | Uint8Array | { readonly base64: string }

/**
 * Standard input that comes bit by bit, read as the task takes it: a stream, or an async iterable. It can be read once only, so that
 * its task is never tried again, and what comes is no part of the task's key. When the task takes no more, it is left.
 */
export type TaskStream = AsyncIterable<Uint8Array | string>

/**
 * One unit of work: a command to run.
 *
 * With `args`, `command` is a program and is run directly, without a shell. Without `args`, it is a line for
 * `/bin/sh -c`.
 */
export interface Task {
  /** The user's name for the task. Unique within a run. */
  readonly id?: string
  /** What people see in tags, progress and messages. Default: the id. Only in the library, not in JSON. */
  readonly name?: string
  /** A program (with `args`), or a line for the shell (without). */
  readonly command: Text
  /** Arguments, handed to the program as they are. */
  readonly args?: readonly Text[]
  /** Working directory. Default: that of drover. */
  readonly cwd?: string
  /** Environment on top of drover's own; `null` removes a variable. */
  readonly env?: Readonly<Record<string, Text | null>>
  /** Bytes for standard input, or a stream of them (only in the library). Default: `/dev/null`. */
  readonly stdin?: Text | TaskStream
  /** A file for standard input, in place of `stdin`. */
  readonly stdinFile?: string
  /** The parts of `stdinFile` that it is, one after the other. It has to be a file that has places. Default: all of it. */
  readonly stdinRanges?: readonly (readonly [start: number, end: number])[]
  /**
   * Files that are copied to the machine that it runs on, where that is another one, before it starts: regular ones; to the same place below its
   * folder there, or to the same absolute one.
   */
  readonly transfer?: readonly string[]
  /** Files that are copied back when it has ended by itself. One that is not there makes it `failed`. */
  readonly return?: readonly string[]
  /** Milliseconds an attempt may take before it is ended as `timed-out`; 0 is no limit. Default: the run's. */
  readonly timeoutMs?: number
  /** How often a failed task is tried again. Default: the run's. */
  readonly retries?: number
  /** How many slots the task takes, all or none; more than there are: it runs alone. Default: 1. */
  readonly weight?: number
  /** Higher first; equals in the order they came. Default: 0. */
  readonly priority?: number
  /** Anything (JSON), handed through to the result. */
  readonly meta?: unknown
}

/** Stands in a stream of tasks for input that could not be read as one; it becomes a result with state `invalid`. */
export interface InvalidTask {
  /** The user's name for it, where it could be read. */
  readonly id?: string
  /** What is wrong with it. */
  readonly invalid: ResultError
}

/** The bytes or string that a {@link Text} stands for; a string is returned as it is, and so are bytes. */
export function plainText(text: Text): string | Uint8Array {
  if (typeof text === 'string' || text instanceof Uint8Array) return text
  return Buffer.from(text.base64, 'base64')
}

/** The bytes that a {@link Text} stands for. */
export function textBytes(text: Text): Uint8Array {
  const plain = plainText(text)
  return typeof plain === 'string' ? Buffer.from(plain) : plain
}

/** The text as people see it: bytes that are not UTF-8 become U+FFFD. */
export function displayText(text: Text): string {
  const plain = plainText(text)
  return typeof plain === 'string' ? plain : Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString()
}

/** What a task runs, for people: the shell line, or the program and its arguments. */
export function commandText(task: Pick<Task, 'command' | 'args'>): string {
  const words = [task.command, ...(task.args ?? [])].map(displayText)
  if (task.args === undefined) return words[0]!
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ')
}

/** The beginning of that, for messages. */
export function describeCommand(task: Pick<Task, 'command' | 'args'>): string {
  const line = commandText(task)
  return line.length > 200 ? `${line.slice(0, 197)}...` : line
}

/** The beginning of what a worker of a pool is sent for a task, for messages. */
export function describeMessage({ stdin = '' }: Pick<Task, 'stdin'>): string {
  if (isTaskStream(stdin)) return 'a stream'
  const text = displayText(typeof stdin === 'string' ? stdin.slice(0, 201) : stdin)
  return text.length > 200 ? `${text.slice(0, 197)}...` : text
}
