import type { Task } from '../task/task.js'
import type { Filled } from './template.js'

/** Carried by the task itself, so that a copy of it can be filled in as well. JSON leaves it out. */
const FILL_SLOT = Symbol('drover.fillSlot')

type SlotTask = Task & { readonly [FILL_SLOT]?: (slot: number) => Filled }

/** Marks a task as one that needs its slot number before it is run. Until then it holds `{%}` as it was written. */
export function needsSlot(task: Task, fill: (slot: number) => Filled): Task {
  return { ...task, [FILL_SLOT]: fill } as SlotTask
}

/**
 * Fills in `{%}`.
 *
 * @param slot - number of the slot that the task runs in, from 1
 * @returns a task with the number in its command, or the same task where its template had no `{%}`
 */
export function withSlot(task: Task, slot: number): Task {
  const { [FILL_SLOT]: fill, ...rest } = task as SlotTask
  return fill === undefined ? task : { ...rest, ...(fill(slot) as Task) }
}
