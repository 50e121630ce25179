import type { Task, Text } from '../task/task.js'
import { openGroups, openItems } from './open-items.js'
import { readSettings } from './settings.js'
import type { TaskInput } from './task-input.js'

export { withSlot } from './slot.js'
export type { TaskInput } from './task-input.js'

/** The items after one `:::`, or after one `:::+`, which is linked to the group before it. */
export interface ItemGroup {
  readonly items: readonly Text[]
  readonly linked: boolean
}

/** What to run, and where its tasks or items come from: `tasks`, `groups`, `argFiles`, or else stdin. */
export interface InputRequest {
  /** One word is a line for /bin/sh, several are a program and its arguments; none: each item is a line. */
  readonly command: readonly Text[]
  /** Files that each task takes to another machine, with the placeholders of a command's words; see {@link Task.transfer}. */
  readonly transfer?: readonly Text[]
  /** Files that each task brings back. */
  readonly return?: readonly Text[]
  /** Joins several words with spaces into one line for /bin/sh. Default: false. */
  readonly shell?: boolean
  /** What stands for `{}`. The other placeholders stay as they are. Default: `{}`. */
  readonly replace?: string
  /** How many items go into one command; the last one may get fewer. Default: 1. */
  readonly itemsPerTask?: number
  /** A file of tasks: .csv, .tsv, or else JSON, an array or one task on each line. `-` is stdin. */
  readonly tasks?: string
  readonly groups?: readonly ItemGroup[]
  /** Files of items; several give every combination. `-` is stdin. */
  readonly argFiles?: readonly string[]
  /** What ends an item in files and stdin: text, bytes, or the number of a byte. Default: newline. */
  readonly delimiter?: Text | number
  /** A regular expression that cuts items into columns. */
  readonly columnSeparator?: string
  /** Whether a bad line of a stream ends the iteration with an InputError. Default: false, it is an InvalidTask. */
  readonly strict?: boolean
  /** The longest line, item, row or element of an array, in bytes. Default: 64 MiB. */
  readonly maxLineBytes?: number
  /** Says what is wrong with a task that is well-formed; it then counts as bad. Default: nothing ever is. */
  readonly checkTask?: (task: Task) => string | null
  readonly stdin: NodeJS.ReadableStream | AsyncIterable<Buffer>
}

/**
 * Opens the tasks to run. Regular files are read and checked completely before this resolves, and once more, from the
 * same descriptor, when it is iterated; streams are read as they are iterated. Memory does not grow with the number of
 * tasks, but for about 24 bytes for each explicit id.
 *
 * @throws OptionError for options that contradict each other
 * @throws TemplateError where an item cannot be filled into the command safely
 * @throws InputError for a file that cannot be read or holds a mistake
 */
export async function openInput(request: InputRequest): Promise<TaskInput> {
  const settings = readSettings(request)
  if (request.tasks !== undefined) {
    // Only these need the parsers of JSON and CSV, whose loading would be half of what a short run takes.
    const { openTasks } = await import('./open-tasks.js')
    return openTasks(request.tasks, settings)
  }
  if (request.groups !== undefined && request.groups.length > 0) return openGroups(request.groups, settings)
  return openItems(request.argFiles !== undefined && request.argFiles.length > 0 ? request.argFiles : ['-'], settings)
}
