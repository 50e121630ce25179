import type { AsyncResource } from 'node:async_hooks'
import { attemptChannel, processChannel, publishOutcome, taskChannel, tracedStart } from '../observe/channels.js'
import type { Log } from '../observe/logger.js'
import { type AttemptMessage, type TaskMessage, tracedErrorOf } from '../observe/messages.js'
import { isFailure, type Result } from '../task/result.js'
import type { CheckedDispatchOptions } from './dispatch-options.js'
import type { Entry } from './entry.js'

/** Tells channels and the logger what a run does. Costs next to nothing where nobody listens. */
export class Observer {
  readonly #run: string
  readonly #log: Log | null
  readonly #origin: AsyncResource | null

  /** @param origin - the asynchronous context that tasks are added in, where it is not that of each call. */
  constructor({ run, log }: CheckedDispatchOptions, origin: AsyncResource | null) {
    this.#run = run
    this.#log = log
    this.#origin = origin
  }

  added(entry: Entry): void {
    if (!taskChannel.hasSubscribers) return
    const message = this.#messageOf(entry)
    const publish = () => tracedStart(taskChannel, message, () => {})
    if (this.#origin === null) publish()
    else this.#origin.runInAsyncScope(publish)
  }

  /** Whether somebody is told of each start, and may add to it, as it is made. */
  get isTraced(): boolean {
    return attemptChannel.hasSubscribers || processChannel.hasSubscribers
  }

  /** @returns what `start` returns. */
  start<Value>(entry: Entry, start: () => Value): Value {
    const { task, index, attempt, slot } = entry
    this.#log?.debug({ run: this.#run, index, id: task.id ?? null, attempt, slot }, 'task started')
    if (!attemptChannel.hasSubscribers) return start()
    const queuedMs = entry.startedMs - entry.queuedAtMs
    entry.tracedAttempt = { task: this.#messageOf(entry), attempt, slot, queuedMs }
    return tracedStart(attemptChannel, entry.tracedAttempt, start)
  }

  /** An attempt has ended. @returns to be called when it is known whether there is another. */
  ended(entry: Entry, result: () => Result): (again: boolean) => void {
    const message = entry.tracedAttempt
    entry.tracedAttempt = null
    if (message !== null) {
      message.result = result()
      if (isFailure(message.result.state)) message.error = tracedErrorOf(message.result)
      publishOutcome(attemptChannel, message)
    }
    return (again) => this.#decided(message, result, again)
  }

  /** A final result is known. */
  finished({ traced }: Entry, result: Result): void {
    const { state, error, attempt } = result
    if (state === 'lost') this.#log?.warn({ ...fieldsOf(result), error }, 'task was lost')
    else if (state === 'invalid' && attempt === 0) this.#log?.warn({ ...fieldsOf(result), error }, 'task is invalid')
    if (traced === null) return
    traced.result = result
    if (isFailure(state)) traced.error = tracedErrorOf(result)
    publishOutcome(taskChannel, traced)
  }

  announced({ traced }: Entry): void {
    if (traced !== null) taskChannel.asyncEnd.publish(traced)
  }

  /** The run is ended by an error. */
  failed(error: unknown): void {
    this.#log?.error({ run: this.#run, err: error }, 'the run is ended by an error')
  }

  warned(message: string): void {
    this.#log?.warn({ run: this.#run }, message)
  }

  /** @param counts - what its summary has. */
  over(counts: () => object): void {
    this.#log?.info({ ...counts(), run: this.#run }, 'run ended')
  }

  #decided(message: AttemptMessage | null, result: () => Result, again: boolean): void {
    if (message !== null) {
      message.again = again
      attemptChannel.asyncEnd.publish(message)
    }
    if (this.#log === null) return
    const known = result()
    const { state, error, attempts } = known
    const fields = { ...fieldsOf(known), ...(error !== null && { error }) }
    if (state === 'spawn-failed') this.#log.warn(fields, 'task could not be started')
    else this.#log.debug(fields, 'task ended')
    if (again) this.#log.warn({ ...fieldsOf(known), attempts }, 'task is tried again')
  }

  #messageOf(entry: Entry): TaskMessage {
    const { task, index, attempts } = entry
    entry.traced ??= {
      run: this.#run,
      index,
      id: task.id ?? null,
      command: task.command || null,
      args: task.args ?? null,
      attempts,
    }
    return entry.traced
  }
}

/** What lines about a result begin with; nothing of its command, environment or output. */
function fieldsOf({ run, index, id, state, exitCode, signal, attempt, durationMs, pid }: Result) {
  return { run, index, id, state, exitCode, signal, attempt, durationMs, pid }
}
