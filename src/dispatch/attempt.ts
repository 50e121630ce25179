import { Execution } from '../process/execution.js'
import type { Process } from '../process/process.js'
import { type ResultIdentity, resultOf, resultWithoutStart } from '../process/result-of.js'
import { startSpecOf } from '../process/start-spec.js'
import { DroverError } from '../task/errors.js'
import type { Result, ResultError, ResultState } from '../task/result.js'
import type { Task } from '../task/task.js'
import type { CheckedDispatchOptions, TaskOutput } from './dispatch-options.js'
import type { Entry, Running } from './entry.js'
import { isShortage } from './shortage.js'

/** How an attempt ended. */
export interface AttemptEnd {
  readonly state: ResultState
  /** It did not start, because the system was short of something that may be there again soon. */
  readonly shortage: boolean
  /** To be called once at the most. */
  readonly result: () => Result
}

export interface AttemptEvents {
  /** Called once, never before {@link startAttempt} has returned. */
  readonly onEnd: (end: AttemptEnd) => void
  /** A callback of the user's has failed. */
  readonly onError: (error: unknown) => void
}

/** Starts a task for the next time. `entry.attempt` and `entry.slot` say which time and where. */
export function startAttempt(entry: Entry, options: CheckedDispatchOptions, events: AttemptEvents): Running {
  const queuedMs = performance.now() - entry.queuedAtMs
  const identity = identityOf(entry, options, queuedMs)
  if (entry.process !== null) return startProcess(entry.process, identity, events)
  const { index, attempt, slot } = entry
  let task: Task
  try {
    task = options.beforeStart?.(entry.task, { index, attempt, slot }) ?? entry.task
  } catch (error) {
    const result = () => resultWithoutStart(entry.task, identity, 'invalid', asResultError(error), options.encoding)
    process.nextTick(() => events.onEnd({ state: 'invalid', shortage: false, result }))
    return NOTHING_RUNS
  }
  const { onOutput, leftovers, encoding } = options
  const execution = new Execution({
    ...options,
    spec: startSpecOf(task, options.run, { to: options.output }, leftovers === 'keep'),
    timeoutMs: task.timeoutMs ?? options.timeoutMs,
    onOutput: onOutput && ((stream, chunk) => passOn(onOutput, { task, index, attempt, stream, chunk }, events)),
    onSpawn: undefined,
    onDone: (outcome) =>
      events.onEnd({
        state: outcome.state,
        shortage: isShortage(outcome),
        result: () => resultOf(task, identity, outcome, encoding),
      }),
  })
  execution.start()
  return execution
}

export function identityOf(entry: Entry, options: CheckedDispatchOptions, queuedMs: number): ResultIdentity {
  const { index, key, attempt, attempts } = entry
  return { run: options.run, index, key, attempt, attempts, queuedMs }
}

const NOTHING_RUNS: Running = { end() {}, endNow() {}, hurry() {}, ending: null, suspend() {}, resume() {} }

/** A process object of the user's. It may have been started before. */
function startProcess(child: Process, identity: ResultIdentity, events: AttemptEvents): Running {
  if (!child.started) child.start()
  void child.result.then((result) =>
    events.onEnd({ state: result.state, shortage: false, result: () => ({ ...result, ...identity }) }),
  )
  return {
    end: () => void child.kill(),
    endNow: () => void child.kill({ graceMs: 0 }),
    hurry: () => void child.kill({ graceMs: 0 }),
    get ending() {
      return child.gone
    },
    suspend: () => void child.signal('SIGSTOP'),
    resume: () => void child.signal('SIGCONT'),
  }
}

function passOn(
  onOutput: NonNullable<CheckedDispatchOptions['onOutput']>,
  output: TaskOutput,
  events: AttemptEvents,
): void | Promise<void> {
  try {
    const room = onOutput(output)
    return room instanceof Promise ? room.catch(events.onError) : undefined
  } catch (error) {
    events.onError(error)
  }
}

function asResultError(error: unknown): ResultError {
  if (error instanceof DroverError) return { code: error.code, message: error.message }
  return { code: 'ERR_DROVER_CALLBACK', message: error instanceof Error ? error.message : String(error) }
}
