import { InputError, type InputPlace } from '../task/errors.js'
import type { Task } from '../task/task.js'

/** Input that could not be read as a task, and the id that it has nevertheless. */
export interface BadEntry {
  readonly error: InputError
  readonly id?: string
}

export type Entry = Task | BadEntry

/**
 * Entries as they come: each chunk of input gives some, made while they are iterated. Each has to be iterated to its end
 * before the next is asked for.
 */
export type Entries = AsyncGenerator<Iterable<Entry>, void>

export function bad(place: InputPlace, problem: string): BadEntry {
  return { error: new InputError(place, problem) }
}

export function isBad<Other extends object>(entry: Other | BadEntry): entry is BadEntry {
  return 'error' in entry
}

export function tooLong(what: string, maxLineBytes: number): string {
  return `${what} is longer than ${maxLineBytes} bytes; shorten it, or raise the limit with --max-line`
}
