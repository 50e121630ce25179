import { checkedTask } from '../task/check-task.js'
import { InputError, OptionError } from '../task/errors.js'
import type { InvalidTask, Task } from '../task/task.js'
import { isPromise } from './user-call.js'

/** Tasks, as an array, a generator, a stream. */
export type Tasks = Iterable<Task | InvalidTask | string> | AsyncIterable<Task | InvalidTask | string>

export interface TaskSourceEvents {
  onTask(task: Task): void
  onInvalid(invalid: InvalidTask): void
  /** After it, or after {@link TaskSource.close}, nothing comes. */
  onEnd(): void
  onError(error: unknown): void
}

/**
 * Tasks that are not run, because of a halt or since they are done, are over at once: so many of them, and then everybody else has a turn
 * who wants something of this process.
 */
const AT_A_STRETCH = 256

/** Pulls tasks one at a time from whatever the user has. */
export class TaskSource {
  readonly #tasks: Tasks
  #begun: Iterator<Task | InvalidTask | string> | AsyncIterator<Task | InvalidTask | string> | null = null
  readonly #events: TaskSourceEvents
  #pulling = false
  #pulls = 0
  #ended = false
  #readToEnd = false

  readonly #command: Pick<Task, 'command' | 'args'> | null

  /** @param command - what a task runs that is only a message; null where a string is a line for the shell. */
  constructor(tasks: Tasks, events: TaskSourceEvents, command: Pick<Task, 'command' | 'args'> | null = null) {
    this.#command = command
    this.#tasks = tasks
    this.#events = events
  }

  /** Whether nothing more comes. */
  get ended(): boolean {
    return this.#ended
  }

  /** Whether it ended by itself, so that nothing was left unread. */
  get readToEnd(): boolean {
    return this.#readToEnd
  }

  /** Asks for one more; it is told at once when the source is a synchronous one, but for one among many. */
  pull(): void {
    if (this.#pulling || this.#ended) return
    this.#pulls = (this.#pulls + 1) % AT_A_STRETCH
    if (this.#pulls > 0) return this.#pull()
    this.#pulling = true
    setImmediate(() => {
      this.#pulling = false
      if (!this.#ended) this.#pull()
    })
  }

  #pull(): void {
    try {
      const next = this.#iterator.next()
      if (!isPromise(next)) return this.#take(next)
      this.#pulling = true
      next.then(
        (step) => {
          this.#pulling = false
          this.#takeLate(step)
        },
        (error) => this.#fail(error),
      )
    } catch (error) {
      this.#fail(error)
    }
  }

  /** May throw what the user's does. */
  get #iterator() {
    const tasks = this.#tasks
    this.#begun ??= Symbol.asyncIterator in tasks ? tasks[Symbol.asyncIterator]() : tasks[Symbol.iterator]()
    return this.#begun
  }

  /** Asks for nothing more; a task that is on its way is not taken. */
  close(): void {
    if (this.#ended) return
    this.#ended = true
    try {
      const returned = this.#iterator.return?.()
      if (isPromise(returned)) returned.then(undefined, () => {})
    } catch {
      // What a generator throws while it is being left concerns nobody any more.
    }
  }

  #takeLate(step: IteratorResult<Task | InvalidTask | string>): void {
    try {
      this.#take(step)
    } catch (error) {
      this.#fail(error)
    }
  }

  #take(step: IteratorResult<Task | InvalidTask | string>): void {
    if (this.#ended) return
    if (step.done === true) {
      this.#ended = true
      this.#readToEnd = true
      return this.#events.onEnd()
    }
    const task = readTask(step.value, this.#command)
    if ('invalid' in task) this.#events.onInvalid(task)
    else this.#events.onTask(task)
  }

  #fail(error: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#events.onError(error)
  }
}

/**
 * What came out of an iterable, checked.
 *
 * @param command - what a task runs that is only a message; null where a string is a line for the shell.
 */
export function readTask(
  value: Task | InvalidTask | string,
  command: Pick<Task, 'command' | 'args'> | null = null,
): Task | InvalidTask {
  if (typeof value === 'object' && value !== null && 'invalid' in value) return value
  try {
    if (typeof value !== 'string') return checkedTask(value)
    return checkedTask(command === null ? { command: value } : { ...command, stdin: value })
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    const id = (value as Task | null | undefined)?.id
    const known = typeof id === 'string' && id !== '' ? { id } : {}
    return { ...known, invalid: { code: error.code, message: error.message } }
  }
}

/** @throws OptionError unless it can be iterated; a string is one task and not a row of them. */
export function checkIterable(tasks: unknown): void {
  const isObject = typeof tasks === 'object' && tasks !== null
  if (isObject && (Symbol.iterator in tasks || Symbol.asyncIterator in tasks)) return
  throw new OptionError(
    `expected an array or another iterable of tasks, not ${typeof tasks === 'string' ? 'a string; put it into an array' : String(tasks)}`,
  )
}
