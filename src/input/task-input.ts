import { ClosedError } from '../task/errors.js'
import type { InvalidTask, Task } from '../task/task.js'
import { type BadEntry, type Entries, isBad } from './entries.js'

/** The tasks to run, read as they are asked for. Can be iterated once. */
export interface TaskInput extends AsyncIterable<Task | InvalidTask> {
  /** Number of tasks, when it is known before the start (files and `:::`), else null. */
  readonly total: number | null
  /** Number of tasks, also when it becomes known only while they are read: a stream is read ahead by up to 1 MiB. */
  readonly totalNow: () => number | null
  /** Whether any task in a checked file has a priority. */
  readonly hasPriorities: boolean
  /** Whether `{%}` occurs, so that each task has to go through withSlot before it is run. */
  readonly usesSlot: boolean
  /** Gives up the files. Not needed after an iteration that came to its end or was left. */
  close(): Promise<void>
}

export interface TaskInputOptions {
  readonly entries: Entries
  readonly close: () => Promise<void>
  /** Whether a bad entry ends the iteration with its InputError, instead of coming as an InvalidTask. */
  readonly strict: boolean
  readonly total: number | null
  /** The same for what is counted while it is read. Default: it never is. */
  readonly totalAtEnd?: () => number | null
  readonly hasPriorities: boolean
  readonly usesSlot: boolean
}

export function taskInput(options: TaskInputOptions): TaskInput {
  const { entries, strict, total, hasPriorities, usesSlot } = options
  let [iterated, closed] = [false, false]
  const close = async () => {
    closed = true
    await options.close()
  }
  async function* tasks(): AsyncGenerator<Task | InvalidTask> {
    try {
      for await (const some of entries) {
        for (const entry of some) {
          if (closed) return
          if (!isBad(entry)) yield entry
          else if (strict) throw entry.error
          else yield invalid(entry)
        }
      }
    } catch (error) {
      // What waits for more input when it is closed ends with an error of the stream.
      if (!closed) throw error
    } finally {
      await close()
    }
  }
  return {
    total,
    totalNow: () => total ?? options.totalAtEnd?.() ?? null,
    hasPriorities,
    usesSlot,
    close,
    [Symbol.asyncIterator]() {
      if (iterated || closed) throw new ClosedError('the task input')
      iterated = true
      const generator = tasks()
      return {
        next: () => generator.next(),
        // A generator that waits for input would answer only when more of it comes.
        async return() {
          await close()
          generator.return(undefined).catch(() => {})
          return { done: true, value: undefined }
        },
      }
    },
  }
}

function invalid({ error, id }: BadEntry): InvalidTask {
  const reason = { code: error.code, message: error.message }
  return id === undefined ? { invalid: reason } : { id, invalid: reason }
}
