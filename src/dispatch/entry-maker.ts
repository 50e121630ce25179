import type { Process } from '../process/process.js'
import { KeyCounter } from '../task/key.js'
import type { Task } from '../task/task.js'
import { isTaskStream } from '../task/task-stream.js'
import type { CheckedDispatchOptions } from './dispatch-options.js'
import type { Entry } from './entry.js'

/** Makes the entries of one run: numbers them and gives them their keys. */
export class EntryMaker {
  readonly #options: CheckedDispatchOptions
  readonly #keys: KeyCounter | null
  #count = 0

  constructor(options: CheckedDispatchOptions) {
    this.#options = options
    this.#keys = options.keys ? new KeyCounter() : null
  }

  /** How many were made. */
  get count(): number {
    return this.#count
  }

  /** For input that is no task: it has a place among the others, and nothing else. */
  makeInvalid(known: { id?: string }): Entry {
    return this.#entry({ ...known, command: '' }, null, null, null)
  }

  make(task: Task, process: Process | null = null, settle: Entry['settle'] = null): Entry {
    return this.#entry(task, this.#keys === null ? null : this.#keys.keyOf(task), process, settle)
  }

  #entry(task: Task, key: string | null, process: Process | null, settle: Entry['settle']): Entry {
    const index = this.#count++
    return {
      task,
      process,
      settle,
      index,
      order: index,
      key,
      priority: task.priority ?? 0,
      weight: task.weight ?? 1,
      attempts:
        process === null && this.#options.runner === undefined && !isTaskStream(task.stdin)
          ? 1 + (task.retries ?? this.#options.retries)
          : 1,
      attempt: 0,
      queuedAtMs: performance.now(),
      slot: 0,
      startedMs: 0,
      running: null,
      recent: null,
      permit: null,
      ahead: null,
      shed: null,
      ended: null,
      last: null,
      backoff: null,
      traced: null,
      tracedAttempt: null,
    }
  }
}
