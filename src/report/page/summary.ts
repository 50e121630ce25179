import type { LiveHead, ReportHead } from '../rows.js'
import { element, part } from './dom.js'
import { formatBytes, formatCount, formatDuration, formatNumber, formatTime, plural } from './format.js'
import type { Search } from './search.js'
import { PAGE_STATES, type PageState, RUNNING } from './states.js'
import type { TaskTable } from './task-table.js'
import { type Totals, totalsOf } from './totals.js'

/** Characters of the command line. */
const TITLE = 200

/** The top of the page: what was run, when, and how it went. */
export function showSummary(head: ReportHead, table: TaskTable, search: Search): void {
  const totals = totalsOf(table)
  const last = head.runs.at(-1)
  const command = last?.command.join(' ') || head.source || 'a run'
  document.title = `${cut(command, 60)} – drover report`
  part('title').textContent = cut(command, TITLE)
  part('title').title = command
  showRuns(head)
  showTiles(totals, head.live)
  showStates(totals, head.live, search)
  const notes = [
    head.damagedLines > 0
      ? `${plural(head.damagedLines, 'line')} of the journal ${head.damagedLines === 1 ? 'was' : 'were'} no record, as after a power cut, and ${head.damagedLines === 1 ? 'is' : 'are'} not shown.`
      : '',
    head.leftOut > 0 ? `${formatCount(head.leftOut)} later results are not shown: there were too many for a page.` : '',
  ].filter(Boolean)
  part('notes').replaceChildren(...notes.map((note) => element('p', {}, note)))
  part('made').textContent =
    `Made ${formatTime(head.madeAt)} by drover ${head.version}${head.source === '' ? '' : ` of ${head.source}`}.`
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text
}

function showRuns({ runs }: ReportHead): void {
  const words = ({ run, startedAt, host, cwd }: ReportHead['runs'][number]) =>
    [
      `Run ${run}`,
      startedAt === null ? '' : formatTime(Date.parse(startedAt)),
      host === null ? '' : `on ${host}`,
      cwd === null ? '' : `in ${cwd}`,
    ]
      .filter(Boolean)
      .join(' · ')
  const place = part('runs')
  if (runs.length <= 1) {
    place.replaceChildren(...runs.map((run) => element('p', {}, words(run))))
    return
  }
  const isOpen = place.querySelector('details')?.open === true
  place.replaceChildren(
    element('p', {}, `${words(runs.at(-1)!)}. It went on from before: of each task, its newest result is shown.`),
    element(
      'details',
      { open: isOpen },
      element('summary', {}, `All ${runs.length} runs`),
      element('ol', {}, ...runs.map((run) => element('li', {}, `${words(run)} · ${run.command.join(' ')}`))),
    ),
  )
}

function showTiles(totals: Totals, live: LiveHead | null): void {
  const { tasks, started, attempts, wallMs, taskMs, cpuMs, maxRssKib } = totals
  const ofTotal = live !== null && !live.done && live.total !== null ? ` of ${formatCount(live.total)}` : ''
  const tiles: [name: string, value: string, hint: string][] = [
    [
      'Tasks',
      `${formatCount(tasks)}${ofTotal}`,
      attempts === 0 ? 'none tried again' : `${plural(attempts, 'attempt')} tried again`,
    ],
    ['Wall time', formatDuration(wallMs), 'first start to last end'],
    ['Speed-up', wallMs > 0 ? `${formatNumber(taskMs / wallMs)}×` : '–', `${formatDuration(taskMs)} of task time`],
    [
      'CPU time',
      cpuMs === null ? '–' : formatDuration(cpuMs),
      cpuMs === null ? 'not measured' : `${wallMs > 0 ? formatNumber(cpuMs / wallMs) : 0} processors used`,
    ],
    ['Rate', wallMs > 0 ? `${formatNumber((started / wallMs) * 1_000)}/s` : '–', 'results a second'],
    [
      'Peak memory',
      maxRssKib === null ? '–' : formatBytes(maxRssKib * 1_024),
      maxRssKib === null ? 'not measured' : 'of the largest task',
    ],
  ]
  part('tiles').replaceChildren(
    ...tiles.map(([name, value, hint]) =>
      element(
        'div',
        { class: 'tile' },
        element('dt', {}, name),
        element('dd', {}, element('b', {}, value), element('small', {}, hint)),
      ),
    ),
  )
}

/** A bar of all states, and a button for each that there is, which is also the legend of the timeline. */
function showStates({ byState, tasks }: Totals, live: LiveHead | null, search: Search): void {
  const counts = byState.map((count, place) => (place === RUNNING && live !== null ? live.runningCount : count))
  const there = PAGE_STATES.flatMap((state, place) => (counts[place]! > 0 ? [[state, counts[place]!] as const] : []))
  part('state-bar').replaceChildren(
    ...there
      .filter(([state]) => state !== 'running')
      .map(([state, count]) => {
        const segment = element('span', { class: `segment fill-${state}` })
        segment.style.flexGrow = String(count / Math.max(1, tasks))
        return segment
      }),
  )
  const focused = document.activeElement?.getAttribute('data-state')
  part('states').replaceChildren(...there.map(([state, count]) => stateButton(state, count, tasks, search)))
  if (focused != null) part('states').querySelector<HTMLElement>(`[data-state="${focused}"]`)?.focus()
}

function stateButton(state: PageState, count: number, tasks: number, search: Search): HTMLElement {
  const share = (count / Math.max(1, tasks)) * 100
  const percent = state === 'running' ? '' : share > 0 && share < 0.1 ? '<0.1%' : `${Number(share.toFixed(1))}%`
  const button = element(
    'button',
    {
      type: 'button',
      class: 'state',
      'data-state': state,
      'aria-pressed': String(search.isChosen(state)),
      title: `Highlight what is ${state}`,
    },
    element('span', { class: `swatch fill-${state}`, 'aria-hidden': 'true' }),
    element('span', {}, state),
    element('b', {}, formatCount(count)),
    element('small', {}, percent),
  )
  button.addEventListener('click', () => {
    search.toggle(state)
    button.setAttribute('aria-pressed', String(search.isChosen(state)))
  })
  return button
}
