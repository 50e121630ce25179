import { Dispatcher } from '../dispatch/dispatcher.js'
import type { Result, ResultError } from '../task/result.js'
import type { Task } from '../task/task.js'
import { cleanEnvironment } from './clean-environment.js'
import { defaultOutputs, FullOutputs } from './full-outputs.js'
import type { TaskEnvelope } from './task-envelope.js'
import type { CheckedWorkOptions } from './work-options.js'

/** A task that was begun here. */
export interface StartedTask {
  /** With the place and the name that it has in its run. */
  readonly result: Promise<Result>
  end(reason: ResultError, graceMs?: number): void
  /** Whether it has been started. */
  hasBegun(): boolean
}

/** How a worker runs its tasks: as commands, or by a function. */
export interface TaskStarter {
  /** How many run at once. */
  concurrency: number
  /** Whether its results go to the server several at a time, while there is enough to do. */
  readonly gathers: boolean
  /** How many wait for a slot. */
  readonly waiting: number
  start(task: Task, envelope: TaskEnvelope): StartedTask
  /** Nothing more is started; what waits comes back as `skipped`. With `now`, what runs is ended too. */
  halt(when: 'soon' | 'now', reason: ResultError): void
  /** Resolves when nothing is left of it. */
  close(): Promise<void>
}

const OLD_FILES_MS = 3_600_000

/** Starts commands through the ordinary dispatcher. */
export class CommandStarter implements TaskStarter {
  readonly gathers = true
  readonly #dispatcher: Dispatcher
  readonly #outputs: FullOutputs | null
  readonly #cleaner: NodeJS.Timeout | null = null
  /** The places of those that have been started, and have no result yet. */
  readonly #begun = new Set<number>()
  /** How many have no result yet. */
  #entered = 0

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

  get waiting(): number {
    return this.#entered - this.#begun.size
  }

  start(task: Task, envelope: TaskEnvelope): StartedTask {
    const { run, key } = envelope
    const { index, result, end } = this.#dispatcher.enter(task)
    this.#entered += 1
    const forget = () => {
      this.#entered -= 1
      this.#begun.delete(index)
    }
    result.then(forget, forget)
    const hasBegun = () => this.#begun.has(index)
    const owned = result.then((done) => ownedBy(envelope, done))
    if (this.#outputs === null) return { result: owned, end, hasBegun }
    this.#outputs.begin(index, run, key)
    return { result: owned.then((done) => this.#withFiles(done, index)), end, hasBegun }
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

/** The dispatcher here knows nothing of the run that the task belongs to. */
function ownedBy({ run, index, key, at, id }: TaskEnvelope, result: Result): Result {
  const startedMs = result.startedAt === null ? Date.now() : Date.parse(result.startedAt)
  // Nobody else has it yet, and a copy of so many fields would cost more than all the rest.
  return Object.assign(result, { run, index, key, id: id ?? null, queuedMs: Math.max(0, startedMs - at) })
}
