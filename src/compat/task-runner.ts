import { createReadStream, statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import * as v from 'valibot'
import { dispatch } from '../dispatch/dispatch.js'
import { usableCpus } from '../slots/usable-cpus.js'
import { DroverError } from '../task/errors.js'
import type { Result } from '../task/result.js'
import type { Task } from '../task/task.js'
import { MOST_OUTPUT_BYTES, type OnRun, type Write } from './steered.js'

/** What the inner process of TaskRunner.php is asked for. */
export interface TaskRunnerRequest {
  /** A file of JSON lines, `{"id": …, "cmd": "…"}` each; the ids are labels, which may be anything and come twice. */
  readonly tasks: string
  /** How many run at once. */
  readonly parallel: number
}

/** What it prints, on one line of JSON, when nothing has been started: `ERR_DROVER_TASK_RUNNER`. */
export class TaskRunnerError extends DroverError {
  override readonly name = 'TaskRunnerError'

  constructor(message: string) {
    super('ERR_DROVER_TASK_RUNNER', message)
  }
}

const Line = v.object({ id: v.unknown(), cmd: v.string() })

/**
 * Reads the words of the command line, `tasks=FILE` and `parallel=N`, as PHP reads a query string.
 *
 * @throws TaskRunnerError, in TaskRunner.php's words.
 */
export function taskRunnerRequest(words: readonly string[]): TaskRunnerRequest {
  const given = new URLSearchParams(words.join('&'))
  const tasks = given.getAll('tasks').at(-1) ?? ''
  if (tasks === '') throw new TaskRunnerError('Usage: drover taskrunner tasks=xxx.jsonl [parallel=n]')
  if (!isFile(tasks)) throw new TaskRunnerError(`Error: can't open '${tasks}': No such file or not readable`)
  const parallel = given.getAll('parallel').at(-1)
  if (parallel === undefined) return { tasks, parallel: 2 * usableCpus() }
  if (/^\d+$/.test(parallel) && Number(parallel) >= 1) return { tasks, parallel: Number(parallel) }
  throw new TaskRunnerError("Error: 'parallel' value must be an integer >= 1")
}

/**
 * Does what TaskRunner.php's inner process does: checks all tasks, runs them, and writes a line of JSON for each as it ends:
 * `{"id","status","stdout","stderr"}`. `status` is the exit code, or -1 for a task that was ended by a signal or could not be started, whose
 * `stderr` says why then. Unlike there a task may print any amount; what is beyond 256 MiB of each stream is left out in the middle.
 *
 * @throws TaskRunnerError before anything is started.
 */
export async function runTaskRunner({ tasks, parallel }: TaskRunnerRequest, write: Write, onRun: OnRun): Promise<void> {
  for await (const _ of linesOf(tasks));
  const commands = async function* (): AsyncGenerator<Task> {
    for await (const { id, cmd } of linesOf(tasks)) yield { command: cmd, meta: { id } }
  }
  const run = dispatch(commands(), { concurrency: parallel, maxOutputBytes: MOST_OUTPUT_BYTES })
  onRun(run)
  for await (const result of run) await write(`${JSON.stringify(answerOf(result))}\n`)
}

interface Answer {
  readonly id: unknown
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

function answerOf({ meta, exitCode, stdout, stderr, error }: Result): Answer {
  const reason = error === null ? '' : `drover: ${error.message}\n`
  return { id: (meta as { id: unknown }).id, status: exitCode ?? -1, stdout, stderr: `${stderr}${reason}` }
}

async function* linesOf(path: string): AsyncGenerator<v.InferOutput<typeof Line>> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })
  let number = 0
  for await (const line of lines) {
    number += 1
    if (line.trim() === '') continue
    yield taskOf(line, path, number)
  }
}

function taskOf(line: string, path: string, number: number): v.InferOutput<typeof Line> {
  let content: unknown
  try {
    content = JSON.parse(line)
  } catch (error) {
    throw new TaskRunnerError(`Error: ${path}, line ${number}: ${(error as Error).message}`)
  }
  const parsed = v.safeParse(Line, content)
  if (parsed.success) return parsed.output
  throw new TaskRunnerError(`Error: ${path}, line ${number}: expected {"id": …, "cmd": "…"}`)
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}
