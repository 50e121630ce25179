import { resultWithoutStart, toMicroseconds } from '../process/result-of.js'
import type { Result, ResultError } from '../task/result.js'
import type { Task } from '../task/task.js'
import type { TaskEnvelope } from './task-envelope.js'
import type { StartedTask, TaskStarter } from './task-start.js'
import type { HandlerInfo, TaskHandler } from './work-options.js'

/** Calls a function of the user's for each task, so many at a time; what was taken ahead waits. */
export class HandlerStarter implements TaskStarter {
  /** There are no processes that would run meanwhile. */
  readonly gathers = false
  readonly #handler: TaskHandler
  readonly #calls = new Set<HandlerCall>()
  /** Those that wait, the oldest first. */
  readonly #waiting: HandlerCall[] = []
  #concurrency: number
  #running = 0
  #halted: ResultError | null = null
  #onEmpty: (() => void) | null = null

  constructor(handler: TaskHandler, concurrency: number) {
    this.#handler = handler
    this.#concurrency = concurrency
  }

  get concurrency(): number {
    return this.#concurrency
  }

  set concurrency(concurrency: number) {
    this.#concurrency = concurrency
    this.#startMore()
  }

  get waiting(): number {
    return this.#waiting.length
  }

  start(task: Task, envelope: TaskEnvelope): StartedTask {
    const call = new HandlerCall(task, envelope, this.#handler, (hasBegun) => this.#ended(call, hasBegun))
    this.#calls.add(call)
    if (this.#halted !== null) call.end(this.#halted)
    else {
      this.#waiting.push(call)
      this.#startMore()
    }
    return call
  }

  halt(when: 'soon' | 'now', reason: ResultError): void {
    this.#halted = reason
    for (const call of when === 'now' ? [...this.#calls] : this.#waiting.splice(0)) call.end(reason)
  }

  async close(): Promise<void> {
    if (this.#calls.size === 0) return
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
  }

  #startMore(): void {
    while (this.#running < this.#concurrency && this.#waiting.length > 0) {
      const call = this.#waiting.shift()!
      if (call.isOver) continue
      this.#running += 1
      call.begin()
    }
  }

  #ended(call: HandlerCall, hasBegun: boolean): void {
    this.#calls.delete(call)
    if (hasBegun) {
      this.#running -= 1
      this.#startMore()
    }
    if (this.#calls.size === 0) this.#onEmpty?.()
  }
}

/** One call of the handler. Its signal is made when it is asked for, since most handlers never do. */
class HandlerCall implements StartedTask, HandlerInfo {
  readonly result: Promise<Result>
  readonly #task: Task
  readonly #envelope: TaskEnvelope
  readonly #handler: TaskHandler
  readonly #onEnd: (hasBegun: boolean) => void
  #resolve!: (result: Result) => void
  #reason: ResultError | null = null
  #controller: AbortController | null = null
  #startedAt: Date | null = null
  #startedMs = 0
  isOver = false

  constructor(task: Task, envelope: TaskEnvelope, handler: TaskHandler, onEnd: (hasBegun: boolean) => void) {
    this.#task = task
    this.#envelope = envelope
    this.#handler = handler
    this.#onEnd = onEnd
    this.result = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  get run(): string {
    return this.#envelope.run
  }

  get index(): number {
    return this.#envelope.index
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason !== null) this.#abort(this.#reason)
    return this.#controller.signal
  }

  hasBegun(): boolean {
    return this.#startedAt !== null
  }

  begin(): void {
    this.#startedAt = new Date()
    this.#startedMs = performance.now()
    try {
      const value = this.#handler(this.#task, this)
      if (isThenable(value)) value.then(this.#succeed, this.#fail)
      else this.#succeed(value)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** One that has begun is told, and ends when it likes. */
  end(reason: ResultError): void {
    if (this.isOver) return
    this.#reason ??= reason
    if (this.#startedAt === null) this.#finish('skipped', this.#reason)
    else if (this.#controller !== null) this.#abort(this.#reason)
  }

  readonly #succeed = (value: unknown): void => this.#finish('succeeded', null, value)

  readonly #fail = (error: unknown): void => {
    if (this.#reason !== null) return this.#finish('cancelled', this.#reason)
    const message = error instanceof Error ? error.message : String(error)
    this.#finish('failed', { code: 'ERR_DROVER_HANDLER', message })
  }

  #finish(state: Result['state'], error: ResultError | null, value?: unknown): void {
    this.isOver = true
    const { run, index, key, at } = this.#envelope
    const queuedMs = Math.max(0, (this.#startedAt?.getTime() ?? Date.now()) - at)
    const identity = { run, index, key, attempt: 1, attempts: 1, queuedMs }
    const result = resultWithoutStart(this.#task, identity, state, error, 'utf8') as Writable<Result> & {
      value?: unknown
    }
    if (this.#startedAt !== null) {
      result.startedAt = this.#startedAt.toISOString()
      result.durationMs = toMicroseconds(performance.now() - this.#startedMs)
      result.pid = process.pid
    }
    if (value !== undefined) result.value = value
    this.#resolve(result)
    this.#onEnd(this.#startedAt !== null)
  }

  #abort({ message }: ResultError): void {
    this.#controller!.abort(new Error(message))
  }
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] }

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}
