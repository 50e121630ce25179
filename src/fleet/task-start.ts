import { Dispatcher } from '../dispatch/dispatcher.js'
import { resultWithoutStart, toMicroseconds } from '../process/result-of.js'
import type { Result, ResultError } from '../task/result.js'
import type { Task } from '../task/task.js'
import { cleanEnvironment } from './clean-environment.js'
import { defaultOutputs, FullOutputs } from './full-outputs.js'
import type { TaskEnvelope } from './task-envelope.js'
import type { CheckedWorkOptions, HandlerInfo, TaskHandler } from './work-options.js'

/** A task that was begun here. */
export interface StartedTask {
  readonly result: Promise<Result>
  end(reason: ResultError, graceMs?: number): void
  /** Whether it has been started. */
  hasBegun(): boolean
}

/** How a worker runs its tasks: as commands, or by a function. */
export interface TaskStarter {
  /** How many run at once. */
  concurrency: number
  start(task: Task, envelope: TaskEnvelope): StartedTask
  /** Nothing more is started; what waits comes back as `skipped`. With `now`, what runs is ended too. */
  halt(when: 'soon' | 'now', reason: ResultError): void
  /** Resolves when nothing is left of it. */
  close(): Promise<void>
}

const OLD_FILES_MS = 3_600_000

/** Starts commands through the ordinary dispatcher. */
export class CommandStarter implements TaskStarter {
  readonly #dispatcher: Dispatcher
  readonly #outputs: FullOutputs | null
  readonly #cleaner: NodeJS.Timeout | null = null
  /** The places of those that have been started, and have no result yet. */
  readonly #begun = new Set<number>()

  /** @throws OptionError for an option that cannot be used. */
  constructor(options: CheckedWorkOptions) {
    const { outputs = defaultOutputs(), maxOutputBytes, keepOutputsMs, passEnv, onWarning } = options
    const clean = cleanEnvironment(passEnv)
    this.#outputs =
      outputs === null
        ? null
        : new FullOutputs(outputs, maxOutputBytes, (error) => onWarning?.(`an output is not kept: ${error.message}`))
    this.#dispatcher = new Dispatcher({
      ...options.dispatch,
      beforeStart: (task) => ({ ...task, env: task.env === undefined ? clean : { ...clean, ...task.env } }),
      ...(this.#outputs !== null && {
        onOutput: ({ index, attempt, stream, chunk }) => this.#outputs!.take(index, attempt, stream, chunk),
      }),
      ...(onWarning !== undefined && { onWarning }),
    })
    this.#dispatcher.on('start', (_task, { index }) => this.#begun.add(index))
    if (this.#outputs === null) return
    this.#outputs.removeOld(keepOutputsMs)
    this.#cleaner = setInterval(() => this.#outputs!.removeOld(keepOutputsMs), OLD_FILES_MS).unref()
  }

  get concurrency(): number {
    return this.#dispatcher.concurrency
  }

  set concurrency(concurrency: number) {
    this.#dispatcher.concurrency = concurrency
  }

  start(task: Task, { run, key }: TaskEnvelope): StartedTask {
    const { index, result, end } = this.#dispatcher.enter(task)
    const forget = () => void this.#begun.delete(index)
    result.then(forget, forget)
    const hasBegun = () => this.#begun.has(index)
    if (this.#outputs === null) return { result, end, hasBegun }
    this.#outputs.begin(index, run, key)
    return { result: result.then((done) => this.#withFiles(done, index)), end, hasBegun }
  }

  halt(when: 'soon' | 'now', reason: ResultError): void {
    this.#dispatcher.halt(when, reason)
  }

  async close(): Promise<void> {
    if (this.#cleaner !== null) clearInterval(this.#cleaner)
    await this.#dispatcher.close()
  }

  async #withFiles(result: Result, index: number): Promise<Result> {
    return { ...result, ...(await this.#outputs!.end(index)) }
  }
}

/** Calls a function of the user's for each task. */
export class HandlerStarter implements TaskStarter {
  concurrency: number
  readonly #handler: TaskHandler
  readonly #running = new Set<StartedTask>()
  #halted: ResultError | null = null

  constructor(handler: TaskHandler, concurrency: number) {
    this.#handler = handler
    this.concurrency = concurrency
  }

  start(task: Task, envelope: TaskEnvelope): StartedTask {
    const call = new HandlerCall(this.#halted)
    const result = this.#call(task, envelope, call)
    const started: StartedTask = { result, end: (reason) => call.end(reason), hasBegun: () => true }
    this.#running.add(started)
    const forget = () => void this.#running.delete(started)
    result.then(forget, forget)
    return started
  }

  halt(when: 'soon' | 'now', reason: ResultError): void {
    this.#halted = reason
    if (when === 'now') for (const task of this.#running) task.end(reason)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map(({ result }) => result))
  }

  async #call(task: Task, { run, index, key }: TaskEnvelope, call: HandlerCall): Promise<Result> {
    const identity = { run, index, key, attempt: 1, attempts: 1, queuedMs: 0 }
    const make = (state: Result['state'], error: ResultError | null) =>
      resultWithoutStart(task, identity, state, error, 'utf8')
    if (call.ended !== null) return make('skipped', call.ended)
    const startedAt = new Date().toISOString()
    const startedMs = performance.now()
    const times = () => ({ startedAt, durationMs: toMicroseconds(performance.now() - startedMs), pid: process.pid })
    const info: HandlerInfo = {
      run,
      index,
      get signal() {
        return call.signal
      },
    }
    try {
      const value = await this.#handler(task, info)
      return { ...make('succeeded', null), ...times(), ...(value !== undefined && { value }) }
    } catch (error) {
      if (call.ended !== null) return { ...make('cancelled', call.ended), ...times() }
      const message = error instanceof Error ? error.message : String(error)
      return { ...make('failed', { code: 'ERR_DROVER_HANDLER', message }), ...times() }
    }
  }
}

/** Why a call of a handler is to end. The signal is made when it is asked for, since most handlers never do. */
class HandlerCall {
  ended: ResultError | null
  #controller: AbortController | null = null

  constructor(ended: ResultError | null) {
    this.ended = ended
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.ended !== null) this.#abort(this.ended)
    return this.#controller.signal
  }

  end(reason: ResultError): void {
    this.ended ??= reason
    if (this.#controller !== null) this.#abort(this.ended)
  }

  #abort({ message }: ResultError): void {
    this.#controller!.abort(new Error(message))
  }
}
