import * as v from 'valibot'
import { dispatch } from '../dispatch/dispatch.js'
import { InputError } from '../task/errors.js'
import type { Result } from '../task/result.js'
import { MOST_OUTPUT_BYTES, type OnRun } from './steered.js'

/** A task of go-workerpool. */
export type WorkerpoolTask = v.InferOutput<typeof TaskShape>

/** What go-workerpool tells of one: in `result_body` what it printed to standard output. */
export interface WorkerpoolResult {
  readonly identifier: unknown
  /** -1 when a signal ended it, or it could not be started. */
  readonly exit_code: number
  readonly result_body: string
}

const TaskShape = v.object({
  identifier: v.unknown(),
  command: v.pipe(v.string(), v.minLength(1)),
  args: v.optional(v.nullable(v.array(v.string()))),
})
const Tasks = v.nullable(v.array(TaskShape))

/** @throws InputError that says what is wrong where. */
export function workerpoolTasks(text: string, source: string): WorkerpoolTask[] {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (error) {
    throw new InputError({ source }, `this is no JSON: ${(error as Error).message}`)
  }
  const parsed = v.safeParse(Tasks, content)
  if (parsed.success) return parsed.output ?? []
  const [issue] = parsed.issues
  const place = v.getDotPath(issue!)
  throw new InputError({ source, ...(place !== null && { field: place }) }, issue!.message)
}

/**
 * Runs tasks as go-workerpool does, their programs directly and without a shell. Unlike there, one that cannot be started has a result too,
 * and one that leaves processes behind does not hold up the others.
 *
 * @param onResult - told of each result, in the order in which tasks end.
 * @returns all of them, in that order.
 */
export async function runWorkerpool(
  tasks: readonly WorkerpoolTask[],
  threads: number,
  onRun: OnRun,
  onResult: (result: Result, identifier: unknown) => void,
): Promise<WorkerpoolResult[]> {
  const run = dispatch(
    tasks.map(({ command, args }) => ({ command, args: args ?? [] })),
    { concurrency: threads, maxOutputBytes: MOST_OUTPUT_BYTES },
  )
  onRun(run)
  const results: WorkerpoolResult[] = []
  for await (const result of run) {
    const { identifier } = tasks[result.index]!
    onResult(result, identifier)
    results.push({ identifier, exit_code: result.exitCode ?? -1, result_body: result.stdout })
  }
  return results
}
