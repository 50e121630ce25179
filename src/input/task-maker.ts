import type { InputPlace } from '../task/errors.js'
import { displayText, type Task } from '../task/task.js'
import { hasNul, type Item } from './bytes.js'
import { bad, type Entry } from './entries.js'
import { needsSlot } from './slot.js'
import type { Filled, Template } from './template.js'

/** Makes tasks of items, one by one. Without a template each item is a line for the shell. */
export class TaskMaker {
  readonly #template: Template | null
  readonly #columnsNeeded: number
  readonly #usesSlot: boolean
  #number = 0

  constructor(template: Template | null) {
    this.#template = template
    this.#columnsNeeded = template?.columnsNeeded ?? 0
    this.#usesSlot = template?.usesSlot ?? false
  }

  /** An entry that is no task takes a number too, so that `{#}` is the position in the input. */
  skip<Other>(entry: Other): Other {
    this.#number += 1
    return entry
  }

  /** @param isBatch - the columns are items of `-n N`, of which the last batch may have fewer */
  make(columns: readonly Item[], place: InputPlace, isBatch = false): Entry {
    this.#number += 1
    if (columns.length < this.#columnsNeeded && !isBatch) {
      return bad(
        place,
        `expected ${this.#columnsNeeded} columns or more, as the command says, but there ${count(columns)}`,
      )
    }
    if (columns.some(hasNul)) return bad(place, 'there is a NUL byte in it, which no argument can have')
    const number = this.#number
    const name = columns.map(displayText).join(' ')
    const template = this.#template
    if (template === null) return { command: columns[0]!, name }
    const filled = template.fill(columns, number, null)
    if (filled.command.length === 0) return bad(place, 'the name of the program is empty')
    if (!isNamedByText(filled)) return bad(place, 'a file of this task has a name that is not UTF-8')
    const task: Task = { ...filled, name }
    return this.#usesSlot ? needsSlot(task, (slot) => template.fill(columns, number, slot)) : task
  }
}

type NamedByText = Filled & Pick<Task, 'transfer' | 'return'>

function isNamedByText(filled: Filled): filled is NamedByText {
  return [...(filled.transfer ?? []), ...(filled.return ?? [])].every((name) => typeof name === 'string')
}

function count(columns: readonly Item[]): string {
  return columns.length === 1 ? 'is 1' : `are ${columns.length}`
}
