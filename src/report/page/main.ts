import type { ReportHead } from '../rows.js'
import { TimeCharts } from './charts.js'
import { showChosen } from './chosen-task.js'
import { embedded } from './data.js'
import { afterQuiet, part } from './dom.js'
import { DurationChart } from './duration-chart.js'
import { follow } from './live.js'
import { Search } from './search.js'
import { showSummary } from './summary.js'
import { TaskLists } from './task-lists.js'
import { TaskTable } from './task-table.js'
import { Theme } from './theme.js'
import { Timeline } from './timeline.js'
import { View } from './view.js'

const table = new TaskTable()
const view = new View()
const search = new Search(table)

/** Shows the rows and what is said of them; to be called when there are others. */
function start(): (head: ReportHead) => void {
  const theme = new Theme(part<HTMLButtonElement>('theme'))
  const choose = (at: number) => showChosen(table, at)
  const timeline = new Timeline({ table, view, search, theme, onChoose: choose })
  const charts = new TimeCharts(table, view, theme)
  const durations = new DurationChart(table, theme)
  const lists = new TaskLists(table, (at) => {
    part('timeline').scrollIntoView({ block: 'start' })
    timeline.goTo(at)
    choose(at)
  })
  listenToControls(timeline)
  return (head) => {
    table.arrange()
    view.limit(table.begin, table.end)
    const isEmpty = table.count === 0
    part('report').hidden = isEmpty
    part('empty').hidden = !isEmpty
    showSummary(head, table, search)
    timeline.refresh()
    search.run()
    charts.update()
    durations.update()
    lists.update(head)
  }
}

function listenToControls(timeline: Timeline): void {
  const field = part<HTMLInputElement>('search')
  const find = afterQuiet(120, () => {
    search.text = field.value
  })
  field.addEventListener('input', find)
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return
    event.preventDefault()
    search.text = field.value
    timeline.step(event.shiftKey ? -1 : 1)
  })
  search.onChange(() => {
    part('found').textContent = search.words
  })
  const buttons: Readonly<Record<string, () => void>> = {
    'zoom-in': () => view.zoom(0.5),
    'zoom-out': () => view.zoom(2),
    'zoom-all': () => view.showAll(),
    'find-before': () => timeline.step(-1),
    'find-next': () => timeline.step(1),
  }
  for (const [id, action] of Object.entries(buttons)) part(id).addEventListener('click', action)
  document.addEventListener('keydown', (event) => {
    const isTyping = event.target instanceof HTMLInputElement
    if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    field.focus()
  })
}

async function main(): Promise<void> {
  const head = await embedded((rows) => table.addRows(rows))
  if (head === null) throw new Error('this file ends too early; make the report again')
  part('loading').hidden = true
  part('page').hidden = false
  const show = start()
  show(head)
  if (head.live !== null) await follow(table, show)
  document.documentElement.dataset.ready = 'true'
}

function tell(error: unknown): void {
  part('loading').hidden = false
  part('loading').textContent =
    typeof DecompressionStream === 'undefined'
      ? 'This browser is too old for this report; use one of the last three years.'
      : `This report cannot be shown: ${error instanceof Error ? error.message : String(error)}`
}

addEventListener('DOMContentLoaded', () => void main().catch(tell))
