import type { ReportHead } from '../rows.js'
import { element, part } from './dom.js'
import { formatBytes, formatCount, formatDuration } from './format.js'
import { PAGE_STATES, STATE_FAILED } from './states.js'
import type { TaskTable } from './task-table.js'
import { attemptWords, cpuWords, endWords, memoryWords, startWords } from './task-words.js'

const PAGE_ROWS = 25
const SLOWEST = 20
const MOST_KINDS = 8
/** Failures whose output is shown without being asked for. */
const OPEN_FAILURES = 5
/** Characters of the last line of an output that is not open. */
const HINT = 160

interface Column {
  readonly name: string
  readonly isNumber?: boolean
  readonly read: (at: number) => Node | string
}

/** The tables below the charts: what failed, what took longest, what was tried again. */
export class TaskLists {
  readonly #table: TaskTable
  readonly #choose: (at: number) => void
  /** How many rows of each list are shown. */
  readonly #shown = new Map<string, number>()
  /** What each list was made of: one that has not changed is left alone, since somebody may be reading it. */
  readonly #made = new Map<string, string>()

  constructor(table: TaskTable, choose: (at: number) => void) {
    this.#table = table
    this.#choose = choose
  }

  update(head: ReportHead): void {
    const { settled, states, durations, attempts, starts } = this.#table
    const failed: number[] = []
    const retried: number[] = []
    const ran: number[] = []
    for (let at = 0; at < settled; at++) {
      if (attempts[at] === 1) retried.push(at)
      else if (STATE_FAILED[states[at]!]) failed.push(at)
      if (!Number.isNaN(starts[at]!)) ran.push(at)
    }
    this.#failures(failed, head)
    this.#list('slowest', slowestOf(ran, durations), [
      this.#name(),
      this.#state(),
      this.#took(),
      this.#cpu(),
      this.#memory(),
      this.#start(),
      this.#command(),
    ])
    this.#list(
      'retried',
      retried,
      [this.#name(), this.#attempt(), this.#state(), this.#took(), this.#start(), this.#command()],
      true,
    )
  }

  #failures(failed: readonly number[], { withoutOutput }: ReportHead): void {
    const kinds = new Map<string, number>()
    for (const at of failed) {
      const kind = [PAGE_STATES[this.#table.states[at]!]!, endWords(this.#table, at)].filter(Boolean).join(', ')
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    }
    const most = [...kinds].sort((a, b) => b[1] - a[1])
    const words = most.slice(0, MOST_KINDS).map(([kind, count]) => `${formatCount(count)} × ${kind}`)
    if (most.length > MOST_KINDS) words.push(`${most.length - MOST_KINDS} other kinds`)
    const without =
      withoutOutput > 0
        ? ` Of ${formatCount(withoutOutput)} the output is only in the journal, there was so much of it.`
        : ''
    part('failures-note').textContent = failed.length === 0 ? '' : `${words.join(' · ')}.${without}`
    this.#list(
      'failures',
      failed,
      [this.#name(), this.#state(), this.#took(), this.#start(), this.#command()],
      true,
      (at, isOpen) => this.#outputOf(at, isOpen),
    )
  }

  #list(
    id: string,
    rows: readonly number[],
    columns: readonly Column[],
    hides = false,
    below?: (at: number, isOpen: boolean) => Node | null,
  ): void {
    const section = part(id)
    section.hidden = hides && rows.length === 0
    part(`${id}-count`).textContent = hides ? formatCount(rows.length) : ''
    const shown = Math.min(rows.length, this.#shown.get(id) ?? PAGE_ROWS)
    const made = `${rows.length} ${rows.slice(0, shown).join(' ')}`
    if (this.#made.get(id) === made) return
    this.#made.set(id, made)
    const body = element('tbody')
    for (const [place, at] of rows.slice(0, shown).entries()) {
      const under = below?.(at, place < OPEN_FAILURES) ?? null
      body.append(
        element(
          'tr',
          { class: under === null ? undefined : 'has-more' },
          ...columns.map((column) => this.#cell(column, at)),
        ),
      )
      if (under !== null)
        body.append(element('tr', { class: 'more' }, element('td', { colspan: columns.length }, under)))
    }
    const heads = columns.map(({ name, isNumber }) =>
      element('th', { scope: 'col', class: isNumber ? 'number' : undefined }, name),
    )
    part(`${id}-table`).replaceChildren(element('thead', {}, element('tr', {}, ...heads)), body)
    const more = part<HTMLButtonElement>(`${id}-more`)
    more.hidden = shown >= rows.length
    more.textContent = `Show ${formatCount(Math.min(PAGE_ROWS * 4, rows.length - shown))} more of ${formatCount(rows.length)}`
    more.onclick = () => {
      this.#shown.set(id, shown + PAGE_ROWS * 4)
      this.#list(id, rows, columns, hides, below)
    }
  }

  #cell({ isNumber, read }: Column, at: number): HTMLElement {
    return element('td', { class: isNumber ? 'number' : undefined }, read(at))
  }

  #name(): Column {
    return {
      name: 'Task',
      read: (at) => {
        const name = this.#table.nameOf(at)
        const button = element('button', { type: 'button', class: 'link', title: 'Show it in the timeline' }, name)
        button.addEventListener('click', () => this.#choose(at))
        return button
      },
    }
  }

  #state(): Column {
    return {
      name: 'State',
      read: (at) => {
        const state = PAGE_STATES[this.#table.states[at]!]!
        const end = endWords(this.#table, at)
        return element(
          'span',
          { class: 'state-words' },
          element('span', { class: `swatch fill-${state}`, 'aria-hidden': 'true' }),
          end === '' || state === 'succeeded' ? state : `${state}, ${end}`,
        )
      },
    }
  }

  #took(): Column {
    return { name: 'Took', isNumber: true, read: (at) => formatDuration(this.#table.durations[at]!) }
  }

  #start(): Column {
    return { name: 'Started', isNumber: true, read: (at) => startWords(this.#table, at) }
  }

  #cpu(): Column {
    return { name: 'CPU time', isNumber: true, read: (at) => cpuWords(this.#table, at) }
  }

  #memory(): Column {
    return { name: 'Memory', isNumber: true, read: (at) => memoryWords(this.#table, at) }
  }

  #attempt(): Column {
    return { name: 'Attempt', read: (at) => attemptWords(this.#table, at).replace(/^attempt |, tried again$/g, '') }
  }

  #command(): Column {
    return {
      name: 'Command',
      read: (at) => element('code', { title: this.#table.rows[at]!.command }, this.#table.rows[at]!.command),
    }
  }

  #outputOf(at: number, isOpen: boolean): Node | null {
    const parts = outputParts(this.#table, at, isOpen)
    return parts.length === 0 ? null : element('div', { class: 'outputs' }, ...parts)
  }
}

/** What is known of how a task failed: its error, and the ends of its outputs. */
export function outputParts(table: TaskTable, at: number, isOpen = true): HTMLElement[] {
  const { detail } = table.rows[at]!
  if (detail === null) return []
  const parts: HTMLElement[] = []
  if (detail.error !== undefined)
    parts.push(element('p', { class: 'error' }, `${detail.error.code}: ${detail.error.message}`))
  const { stderr, stdout, stderrBytes, stdoutBytes } = detail
  if (stderr !== undefined) parts.push(outputPart('stderr', stderr, stderrBytes, isOpen))
  if (stdout !== undefined) parts.push(outputPart('stdout', stdout, stdoutBytes, isOpen && stderr === undefined))
  return parts
}

function outputPart(name: string, text: string, bytes: number, isOpen: boolean): HTMLElement {
  const isCut = text.startsWith('…')
  const last = text.trimEnd().split('\n').at(-1)!.trim()
  const hint = last.length > HINT ? `…${last.slice(-HINT)}` : last
  return element(
    'details',
    { open: isOpen },
    element(
      'summary',
      {},
      `${isCut ? 'end of ' : ''}${name}, ${formatBytes(bytes)}`,
      element('code', { class: 'hint' }, hint),
    ),
    element('pre', { 'aria-label': `${isCut ? 'end of ' : ''}${name}` }, text),
  )
}

/** Those that took longest, the slowest first. */
function slowestOf(rows: readonly number[], durations: Float64Array): number[] {
  const slowest: number[] = []
  for (const at of rows) {
    if (slowest.length === SLOWEST && durations[at]! <= durations[slowest.at(-1)!]!) continue
    let place = slowest.length
    while (place > 0 && durations[slowest[place - 1]!]! < durations[at]!) place -= 1
    slowest.splice(place, 0, at)
    if (slowest.length > SLOWEST) slowest.pop()
  }
  return slowest
}
