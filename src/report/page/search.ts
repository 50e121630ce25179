import { formatCount, plural } from './format.js'
import { PAGE_STATES, type PageState } from './states.js'
import type { TaskTable } from './task-table.js'

/** Which tasks are searched for: by words, all of which must be in a task, and by states. */
export class Search {
  #words: string[] = []
  readonly #states = new Set<number>()
  readonly #table: TaskTable
  readonly #listeners: (() => void)[] = []
  /** 1 for each row that is found; null when nothing is searched for. */
  matches: Uint8Array | null = null
  count = 0

  constructor(table: TaskTable) {
    this.#table = table
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  set text(text: string) {
    this.#words = text.toLowerCase().split(/\s+/).filter(Boolean)
    this.run()
  }

  isChosen(state: PageState): boolean {
    return this.#states.has(PAGE_STATES.indexOf(state))
  }

  toggle(state: PageState): void {
    const place = PAGE_STATES.indexOf(state)
    if (!this.#states.delete(place)) this.#states.add(place)
    this.run()
  }

  /** Looks through all rows. */
  run(): void {
    const { count, states } = this.#table
    this.count = 0
    if (this.#words.length === 0 && this.#states.size === 0) this.matches = null
    else {
      const matches = new Uint8Array(count)
      for (let at = 0; at < count; at++) {
        if (this.#states.size > 0 && !this.#states.has(states[at]!)) continue
        if (this.#words.length > 0 && !this.#hasWords(at)) continue
        matches[at] = 1
        this.count += 1
      }
      this.matches = matches
    }
    for (const listener of this.#listeners) listener()
  }

  /**
   * The next one that is found after a row, or before it, by its start; then from the other end again. -1 when there is none.
   *
   * @param from - where it begins without a row, in milliseconds.
   */
  next(after: number, direction: 1 | -1, from: number): number {
    const { starts, count } = this.#table
    // Rows without a start have no place in the timeline.
    const isAfter = (a: number, b: number) => (starts[a]! - starts[b]! || a - b) * direction > 0
    let best = -1
    let first = -1
    for (let at = 0; at < count; at++) {
      if (Number.isNaN(starts[at]!) || (this.matches !== null && this.matches[at] === 0)) continue
      if (first === -1 || isAfter(first, at)) first = at
      const isNext = after === -1 ? (starts[at]! - from) * direction >= 0 : isAfter(at, after)
      if (isNext && (best === -1 || isAfter(best, at))) best = at
    }
    return best === -1 ? first : best
  }

  get words(): string {
    if (this.matches === null) return ''
    return `${formatCount(this.count)} of ${plural(this.#table.count, 'bar')} found`
  }

  #hasWords(at: number): boolean {
    const row = this.#table.rows[at]!
    const state = PAGE_STATES[this.#table.states[at]!]!
    const text = `${this.#table.nameOf(at)}\n${row.command}\n${state}\n${row.host}`.toLowerCase()
    return this.#words.every((word) => text.includes(word))
  }
}
