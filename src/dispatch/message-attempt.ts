import type { Answer, Printed } from '../pool/answer.js'
import { HandlerError, PoolExhaustedError, RequestTimeoutError, WorkerError } from '../pool/pool-errors.js'
import type { Cause } from '../process/outcome.js'
import { type OutputEncoding, type ResultIdentity, resultWithoutStart, toMicroseconds } from '../process/result-of.js'
import { ClosedError, DroverError } from '../task/errors.js'
import type { Result, ResultError, ResultState } from '../task/result.js'
import type { Task } from '../task/task.js'
import type { AttemptEvents } from './attempt.js'
import type { CheckedDispatchOptions } from './dispatch-options.js'
import type { Running } from './entry.js'

/** How much of a worker's standard error its {@link WorkerError} carries. */
const TAIL_BYTES = 8 * 1024

/**
 * Sends a task to a worker of the run's pool, as a message.
 *
 * @param message - what is sent.
 */
export function startMessage(
  task: Task,
  message: unknown,
  identity: ResultIdentity,
  options: CheckedDispatchOptions,
  events: AttemptEvents,
): Running {
  const giveUp = new AbortController()
  const startedAt = new Date()
  const startedMs = performance.now()
  let cause: Cause | null = null
  const end = (given: Cause) => {
    cause ??= given
    giveUp.abort()
  }
  const finish = (became: Became) => {
    const { state, error, ...rest } = became
    const known = { startedAt: startedAt.toISOString(), durationMs: toMicroseconds(performance.now() - startedMs) }
    const result = () => ({
      ...resultWithoutStart(task, identity, state, error, options.encoding),
      ...known,
      ...rest,
    })
    events.onEnd({ state, shortage: false, result })
  }
  options
    .pool!.request(message, {
      signal: giveUp.signal,
      timeoutMs: task.timeoutMs ?? (options.timeoutMs || undefined),
      priority: task.priority,
      retries: 0,
    })
    .then(
      (answer) => finish(answered(answer as Answer<unknown, string>)),
      (error) => finish(cause === null ? failed(error, options.encoding) : { ...cause }),
    )
  return { pid: null, end, endNow: end, hurry() {}, ending: null, suspend: async () => {}, resume() {} }
}

/** What is different from a task that was never started. */
type Became = Partial<Result> & { readonly state: ResultState; readonly error: ResultError | null }

function answered(answer: Answer<unknown, string>): Became {
  const { value, pid, durationMs } = answer
  return { state: 'succeeded', error: null, value, pid, durationMs: toMicroseconds(durationMs), ...printedBy(answer) }
}

/** A handler that throws, and a worker that dies of a message, are conclusive; a worker that could not be started is not. */
function failed(error: unknown, encoding: OutputEncoding): Became {
  if (!(error instanceof DroverError)) {
    const message = error instanceof Error ? error.message : String(error)
    return { state: 'invalid', error: { code: 'ERR_DROVER_VALUE', message } }
  }
  const known = { code: error.code, message: error.message }
  if (error instanceof HandlerError) {
    return { state: 'failed', error: known, pid: error.pid, ...printedBy(error as HandlerError & Printed<string>) }
  }
  if (error instanceof RequestTimeoutError) return { state: 'timed-out', error: known }
  if (error instanceof WorkerError) {
    const { pid, exitCode, signal, stderr } = error
    return { state: stateOf(error), error: known, pid, exitCode, signal, ...endOf(stderr, encoding) }
  }
  if (error instanceof ClosedError) return { state: 'cancelled', error: known }
  return { state: error instanceof PoolExhaustedError ? 'spawn-failed' : 'invalid', error: known }
}

/** Of a worker that died only the end of what it said is known. */
function endOf(stderr: string, encoding: OutputEncoding): Partial<Result> {
  const bytes = Buffer.from(stderr)
  const text = encoding === 'buffer' ? (bytes as unknown as string) : stderr
  return { stderr: text, stderrBytes: bytes.length, truncated: bytes.length >= TAIL_BYTES }
}

function stateOf({ code, signal }: WorkerError): ResultState {
  if (code === 'ERR_DROVER_WORKER_START' || code === 'ERR_DROVER_WORKER_LOST') return 'lost'
  return code === 'ERR_DROVER_WORKER_DIED' && signal !== null ? 'killed' : 'failed'
}

function printedBy({ stdout, stderr, stdoutBytes, stderrBytes, truncated }: Printed<string>): Printed<string> {
  return { stdout, stderr, stdoutBytes, stderrBytes, truncated }
}
