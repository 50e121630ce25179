import { element, part } from './dom.js'
import { outputParts } from './task-lists.js'
import type { TaskTable } from './task-table.js'
import { longPairs } from './task-words.js'

/** Shows all that is known of the task that was chosen, below the timeline. */
export function showChosen(table: TaskTable, at: number): void {
  const place = part('chosen')
  place.hidden = false
  const close = element('button', { type: 'button', class: 'quiet' }, 'Close')
  close.addEventListener('click', () => {
    place.hidden = true
  })
  place.replaceChildren(
    element('div', { class: 'row' }, element('h3', {}, `Task ${table.nameOf(at)}`), close),
    element(
      'dl',
      {},
      ...longPairs(table, at).flatMap(([name, value]) => [
        element('dt', {}, name),
        element('dd', {}, name === 'Command' ? element('code', {}, value) : value),
      ]),
    ),
    ...outputParts(table, at),
  )
}
