import { describeCommand, type Task } from '../task/task.js'
import type { RemoteError } from './conversation.js'
import { openingLine, tellingLine } from './output-tail.js'
import { RequestTimeoutError, WorkerError } from './pool-errors.js'
import type { ProcessEnd, WorkerProcess } from './worker-process.js'

/** Why a worker is of no use any more. */
export interface Cause {
  readonly code: string
  /** What it did, or what was done with it, to be read after its name. */
  readonly what: string
  /** The beginning of what it wrote against the protocol. */
  readonly output?: string
}

export function causeOfEnd(end: ProcessEnd, wasStarting: boolean, isOwing: boolean): Cause {
  if (end.how === 'lost') return { code: 'ERR_DROVER_WORKER_LOST', what: `is lost: ${end.error.message}` }
  if (end.how === 'not-started') {
    return { code: 'ERR_DROVER_WORKER_START', what: `could not be started: ${end.error.message}` }
  }
  if (end.excess !== null) return causeOfExcess(end.excess.code, end.excess.message)
  const { exitCode, signal } = end.exit
  const how = signal === null ? `with exit code ${exitCode}` : `by ${signal}`
  if (wasStarting) return { code: 'ERR_DROVER_WORKER_START', what: `ended ${how} before it was ready` }
  const when = isOwing ? 'before it had answered' : 'without being asked to'
  return { code: 'ERR_DROVER_WORKER_DIED', what: `ended ${how} ${when}` }
}

/** Of a limit, by its code for tasks. */
export function causeOfExcess(code: string, message: string): Cause {
  return { code: code.replace('ERR_DROVER_', 'ERR_DROVER_WORKER_'), what: message }
}

export function cannotStart({ name, message }: RemoteError): Cause {
  return { code: 'ERR_DROVER_WORKER_START', what: `could not get ready: ${name}: ${message}` }
}

export function workerErrorOf(
  { code, what, output = '' }: Cause,
  program: Pick<Task, 'command' | 'args'>,
  process: WorkerProcess,
): WorkerError {
  const { pid } = process
  const { exitCode = null, signal = null } = process.exit ?? {}
  const stderr = process.tail('stderr')
  const said = output === '' ? tellingLine(stderr) : openingLine(output)
  const who = `worker ${pid === null ? '' : `${pid} `}(${describeCommand(program)})`
  const message = `${who} ${what}${said === '' ? '' : `; it printed: ${said}`}`
  return new WorkerError(code, message, { pid, exitCode, signal, stderr, output })
}

export function timeoutErrorOf(
  timeoutMs: number,
  program: Pick<Task, 'command' | 'args'>,
  pid: number | null,
): RequestTimeoutError {
  return new RequestTimeoutError(timeoutMs, `worker ${pid} (${describeCommand(program)}) did not answer`)
}
