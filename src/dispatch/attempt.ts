import type { OutputStream, StartSpec } from '../launcher/port.js'
import { Execution } from '../process/execution.js'
import type { ExecutionOptions } from '../process/execution-options.js'
import { executionOf, type Process } from '../process/process.js'
import { type ResultIdentity, resultOf, resultWithoutStart } from '../process/result-of.js'
import { type OutputPair, PIPES, startSpecOf, streamOf } from '../process/start-spec.js'
import { withPermit } from '../slots/gate.js'
import { DroverError, InputError } from '../task/errors.js'
import type { Result, ResultError, ResultState } from '../task/result.js'
import { plainText, type Task } from '../task/task.js'
import { isTaskStream } from '../task/task-stream.js'
import type { CheckedDispatchOptions, TaskOutput } from './dispatch-options.js'
import { startElsewhere } from './elsewhere-attempt.js'
import type { Entry, Running } from './entry.js'
import { startMessage } from './message-attempt.js'
import { RecentOutput } from './recent-output.js'
import { isShortage } from './shortage.js'
import type { TaskRunner } from './task-runner.js'
import { userCall } from './user-call.js'

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
  /** One that was sent ahead has begun. */
  readonly onBegin: (startedMs: number) => void
  /** One that was sent ahead will not begin; there is no `onEnd` then. */
  readonly onNotStarted: () => void
  /** A callback of the user's has failed. */
  readonly onError: (error: unknown) => void
}

/** What is about to be started: a task and how to start it, or why it cannot be. */
type Prepared =
  | { readonly task: Task; readonly spec: StartSpec }
  | { readonly task: Task; readonly message: unknown }
  | { readonly task: Task; readonly runner: TaskRunner }
  | { readonly error: ResultError }

/** Fills in what is only known now. `entry.attempt` and `entry.slot` say which time and where it is to start. */
export function prepareAttempt(entry: Entry, options: CheckedDispatchOptions): Prepared | null {
  if (entry.process !== null) return null
  const { index, attempt, slot } = entry
  try {
    const task = options.beforeStart?.(entry.task, { index, attempt, slot }) ?? entry.task
    if (options.pool !== undefined) return { task, message: messageOf(task, options) }
    if (options.runner !== undefined) return { task, runner: options.runner }
    const spec = startSpecOf(
      task,
      options.scope,
      outputOf(task, index, options),
      options.leftovers === 'keep',
      options.input,
    )
    const permit = entry.permit ?? entry.ahead?.permit
    return { task, spec: permit === undefined ? spec : withPermit({ ...spec, ...placeOf(task, options) }, permit) }
  } catch (error) {
    return { error: asResultError(error) }
  }
}

/** Where others may be sent ahead, to go on where this one ends; but nothing may begin that its result could halt. */
function placeOf(task: Task, { sendsAhead, halt }: CheckedDispatchOptions): Pick<StartSpec, 'place'> | null {
  if (!sendsAhead) return null
  if (halt === null) return { place: { passedOn: 'always' } }
  return { place: { passedOn: task.return === undefined ? 'on-success' : 'never' } }
}

function messageOf(task: Task, options: CheckedDispatchOptions): unknown {
  if (options.messageOf !== undefined) return options.messageOf(task)
  if (isTaskStream(task.stdin))
    throw new InputError(
      { source: 'task', field: 'stdin' },
      'a stream cannot be sent to a worker; give its text or its bytes',
    )
  return task.stdin === undefined ? '' : plainText(task.stdin)
}

function outputOf(task: Task, index: number, { output }: CheckedDispatchOptions): OutputPair {
  if (output === 'pipe') return PIPES
  if (typeof output !== 'function') return { stdout: { to: output }, stderr: { to: output } }
  const { stdout, stderr } = output(task, { index })
  return { stdout: { to: 'file', path: stdout }, stderr: { to: 'file', path: stderr } }
}

/** Starts what was prepared; without it, the process object that the entry has. */
export function startAttempt(
  entry: Entry,
  prepared: Prepared | null,
  options: CheckedDispatchOptions,
  events: AttemptEvents,
): Running {
  const identity = identityOf(entry, options, performance.now() - entry.queuedAtMs)
  if (prepared === null) return startProcess(entry.process!, identity, events)
  const { encoding } = options
  if ('error' in prepared) {
    const result = () => resultWithoutStart(entry.task, identity, 'invalid', prepared.error, encoding)
    process.nextTick(() => events.onEnd({ state: 'invalid', shortage: false, result }))
    return NOTHING_RUNS
  }
  if ('message' in prepared) return startMessage(prepared.task, prepared.message, identity, options, events)
  if ('runner' in prepared) return startElsewhere(prepared.task, entry, prepared.runner, identity, options, events)
  const { task, spec } = prepared
  const { onBegin, onNotStarted } = events
  const isAhead = entry.ahead !== null
  const execution = new Execution({
    ...options,
    spec,
    input: streamOf(task),
    timeoutMs: task.timeoutMs ?? options.timeoutMs,
    onOutput: receiverOf(entry, task, options, events),
    onSpawn: undefined,
    ahead: isAhead ? { onBegin, onNotStarted } : undefined,
    onDone: (outcome) =>
      events.onEnd({
        state: outcome.state,
        shortage: isShortage(outcome),
        result: () => resultOf(task, isAhead ? identityNow(identity, entry) : identity, outcome, encoding),
      }),
  })
  execution.start()
  return execution
}

function identityNow(identity: ResultIdentity, { startedMs, queuedAtMs }: Entry): ResultIdentity {
  return { ...identity, queuedMs: Math.max(0, startedMs - queuedAtMs) }
}

export function identityOf(entry: Entry, options: CheckedDispatchOptions, queuedMs: number): ResultIdentity {
  const { index, key, attempt, attempts } = entry
  return { run: options.run, index, key, attempt, attempts, queuedMs }
}

/** Takes the output for the user, and for whoever follows the task. */
function receiverOf(
  entry: Entry,
  task: Task,
  { onOutput, control, maxOutputBytes }: CheckedDispatchOptions,
  events: AttemptEvents,
): ExecutionOptions['onOutput'] {
  const { index, attempt } = entry
  const pass =
    onOutput &&
    ((stream: OutputStream, chunk: Buffer) => passOn(onOutput, { task, index, attempt, stream, chunk }, events))
  // What nobody wants to see is counted by the launcher and does not come here.
  if (control === null || (pass === undefined && maxOutputBytes === 0)) return pass
  return (stream, chunk) => {
    entry.recent ??= new RecentOutput()
    entry.recent.push(stream, chunk)
    return pass?.(stream, chunk)
  }
}

const NOTHING_RUNS: Running = {
  pid: null,
  end() {},
  endNow() {},
  hurry() {},
  ending: null,
  suspend: async () => {},
  resume() {},
}

/** A process object of the user's. It may have been started before. */
function startProcess(child: Process, identity: ResultIdentity, events: AttemptEvents): Running {
  if (!child.started) child.start()
  void child.result.then((result) =>
    events.onEnd({ state: result.state, shortage: false, result: () => ({ ...result, ...identity }) }),
  )
  return executionOf(child) ?? NOTHING_RUNS
}

function passOn(
  onOutput: NonNullable<CheckedDispatchOptions['onOutput']>,
  output: TaskOutput,
  events: AttemptEvents,
): void | Promise<void> {
  const room = userCall(() => onOutput(output), events.onError)
  return room && Promise.resolve(room).then(() => {}, events.onError)
}

export function asResultError(error: unknown): ResultError {
  if (error instanceof DroverError) return { code: error.code, message: error.message }
  return { code: 'ERR_DROVER_CALLBACK', message: error instanceof Error ? error.message : String(error) }
}
