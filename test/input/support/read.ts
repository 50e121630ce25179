import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type InputRequest, openInput, type TaskInput } from '../../../src/input/input.js'
import type { InvalidTask, Task } from '../../../src/task/task.js'

/** The bytes as a stream, in chunks of this size. */
export async function* chunksOf(content: string | Buffer, size = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(content)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, Math.min(bytes.length, at + size))
}

/** Opens an input; stdin is empty unless `stdin` is given. */
export function open(
  request: Omit<Partial<InputRequest>, 'stdin'> & { stdin?: string | Buffer | AsyncIterable<Buffer> },
): Promise<TaskInput> {
  const { stdin = '' } = request
  const stream = typeof stdin === 'string' || Buffer.isBuffer(stdin) ? chunksOf(stdin) : stdin
  return openInput({ command: [], ...request, stdin: stream })
}

export async function all(input: TaskInput): Promise<(Task | InvalidTask)[]> {
  const tasks: (Task | InvalidTask)[] = []
  for await (const task of input) tasks.push(task)
  return tasks
}

/** All tasks of a request. */
export async function read(request: Parameters<typeof open>[0]): Promise<(Task | InvalidTask)[]> {
  return all(await open(request))
}

/** What would be run: the shell line, or the program and its arguments in a list; the message where it is invalid. */
export function shown(task: Task | InvalidTask): unknown {
  if ('invalid' in task) return `invalid: ${task.invalid.message}`
  return task.args === undefined ? task.command : [task.command, ...task.args]
}

export async function readShown(request: Parameters<typeof open>[0]): Promise<unknown[]> {
  return (await read(request)).map(shown)
}

/** Writes a file into a directory and returns its path. */
export function file(directory: string, name: string, content: string | Buffer): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}
