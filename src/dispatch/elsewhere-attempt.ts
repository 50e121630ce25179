import type { OutputStream } from '../launcher/port.js'
import { type ResultIdentity, resultWithoutStart } from '../process/result-of.js'
import type { Result } from '../task/result.js'
import type { Task } from '../task/task.js'
import type { AttemptEvents } from './attempt.js'
import type { CheckedDispatchOptions } from './dispatch-options.js'
import type { Entry, Running } from './entry.js'
import type { RunningElsewhere, TaskRunner } from './task-runner.js'
import { userCall } from './user-call.js'

/** Hands a task to the run's runner. What it printed is passed on when its result is there. */
export function startElsewhere(
  task: Task,
  entry: Entry,
  runner: TaskRunner,
  identity: ResultIdentity,
  options: CheckedDispatchOptions,
  events: AttemptEvents,
): Running {
  const { index, key } = entry
  const running = begin(runner, task, { index, key: key! })
  const take = async (result: Result) => {
    const output = outputOf(result)
    for (const stream of ['stdout', 'stderr'] as const) {
      const chunk = output[stream]
      if (options.onOutput === undefined || chunk.length === 0) continue
      await userCall(
        () => options.onOutput?.({ task, index, attempt: entry.attempt, stream, chunk }),
        events.onError,
      )?.then(undefined, events.onError)
    }
    const own = { ...result, run: options.run, index, key }
    return options.encoding === 'buffer' ? withBytes(own, output) : own
  }
  const finish = (result: Result) => events.onEnd({ state: result.state, shortage: false, result: () => result })
  const fail = (error: unknown) => {
    events.onError(error)
    running.hurry()
    const { code = 'ERR_DROVER_LOST', message } = (error ?? {}) as Partial<NodeJS.ErrnoException>
    const why = { code, message: message ?? String(error) }
    finish(resultWithoutStart(task, identity, 'lost', why, options.encoding))
  }
  running.result.then(take).then(finish, fail)
  const end: Running['end'] = (cause) => running.end(cause)
  return {
    pid: null,
    get startedMs() {
      return running.startedMs
    },
    end,
    endNow: (cause) => {
      running.end(cause)
      running.hurry()
    },
    hurry: () => running.hurry(),
    ending: null,
    suspend: async () => {},
    resume() {},
  }
}

/** What cannot be begun is lost as well. */
function begin(runner: TaskRunner, task: Task, info: Parameters<TaskRunner['run']>[1]): RunningElsewhere {
  try {
    return runner.run(task, info)
  } catch (error) {
    return { result: Promise.reject(error), end() {}, hurry() {} }
  }
}

function outputOf(result: Result): Record<OutputStream, Buffer> {
  const bytes = (text: string, base64: string | undefined) =>
    base64 === undefined ? Buffer.from(text) : Buffer.from(base64, 'base64')
  return {
    stdout: bytes(result.stdout, result.stdoutBase64),
    stderr: bytes(result.stderr, result.stderrBase64),
  }
}

function withBytes(result: Result, output: Record<OutputStream, Buffer>): Result {
  const { stdoutBase64: _, stderrBase64: __, ...rest } = result
  return { ...rest, stdout: output.stdout as unknown as string, stderr: output.stderr as unknown as string }
}
