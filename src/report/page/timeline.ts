import { element, oncePerFrame, part } from './dom.js'
import { plural } from './format.js'
import type { Search } from './search.js'
import type { TaskTable } from './task-table.js'
import { shortLines } from './task-words.js'
import type { Theme } from './theme.js'
import { drawTimeline, firstInLane, type Layout } from './timeline-drawing.js'
import { onTimelineKeys } from './timeline-keys.js'
import { onTimelinePointer } from './timeline-pointer.js'
import type { View } from './view.js'

const TOP = 26
const MOST_HEIGHT = 460
/** Room for the names of hosts, where there are several. */
const HOST_NAMES = 110
const [LEAST_ROW, MOST_ROW] = [4, 24]
/** How far beside a short bar it is still meant, in pixels. */
const NEAR = 4

export interface TimelineParts {
  readonly table: TaskTable
  readonly view: View
  readonly search: Search
  readonly theme: Theme
  /** Called with the row that somebody has chosen. */
  readonly onChoose: (at: number) => void
}

/** The tasks as bars in lanes: drawn on a canvas, since no other element could be there a hundred thousand times. */
export class Timeline {
  readonly parts: TimelineParts
  readonly canvas = part<HTMLCanvasElement>('timeline-canvas')
  readonly #scroller = part('timeline-scroller')
  readonly #space = part('timeline-space')
  readonly #tooltip = part('timeline-tooltip')
  readonly #said = part('timeline-said')
  readonly #context = this.canvas.getContext('2d')!
  readonly draw = oncePerFrame(() => this.#draw())
  #layout: Layout = { width: 0, height: 0, left: 0, top: TOP, rowHeight: MOST_ROW, scrolled: 0 }
  #marked = -1
  /** Where the pointer is over it; null when it is elsewhere. */
  #pointer: { readonly x: number; readonly y: number } | null = null
  /** A span that is being drawn with the pointer, in pixels. */
  selected: readonly [number, number] | null = null

  constructor(parts: TimelineParts) {
    this.parts = parts
    this.canvas.tabIndex = 0
    this.canvas.setAttribute('role', 'application')
    this.canvas.setAttribute('aria-roledescription', 'timeline')
    parts.view.onChange(this.draw)
    parts.search.onChange(this.draw)
    parts.theme.onChange(this.draw)
    this.#scroller.addEventListener('scroll', this.draw)
    new ResizeObserver(() => this.measure()).observe(this.#scroller)
    onTimelinePointer(this)
    onTimelineKeys(this)
  }

  get layout(): Layout {
    return this.#layout
  }

  /** The row that is looked at; -1 for none. */
  get marked(): number {
    return this.#marked
  }

  /** To be called when there are other rows: the same place may be another one, and who runs has gone on. */
  refresh(): void {
    const { table } = this.parts
    const [marked, pointer] = [this.#marked, this.#pointer]
    this.measure()
    if (pointer !== null) {
      this.#marked = -1
      this.pointAt(pointer.x, pointer.y)
    } else if (marked >= table.settled) this.hover(-1, 0, 0)
  }

  measure(): void {
    const { table } = this.parts
    const lanes = Math.max(1, table.lanes.length)
    const width = this.#scroller.clientWidth
    const rowHeight = Math.min(MOST_ROW, Math.max(LEAST_ROW, Math.floor((MOST_HEIGHT - TOP) / lanes)))
    const height = Math.min(MOST_HEIGHT, TOP + lanes * rowHeight + 4)
    this.#space.style.height = `${TOP + lanes * rowHeight + 4}px`
    this.#scroller.style.height = `${height}px`
    const left = table.hosts.length > 1 ? HOST_NAMES : 14 + 7 * String(lanes).length
    this.#layout = { width, height, left, top: TOP, rowHeight, scrolled: this.#scroller.scrollTop }
    const ratio = window.devicePixelRatio || 1
    this.canvas.width = Math.round(width * ratio)
    this.canvas.height = Math.round(height * ratio)
    this.canvas.style.width = `${width}px`
    this.canvas.style.height = `${height}px`
    this.canvas.setAttribute(
      'aria-label',
      `Timeline of ${plural(table.count, 'bar')} in ${plural(table.lanes.length, 'lane')}. Keys: arrows move, plus and minus zoom, 0 shows all, comma and full stop go to the task before and after, Enter shows it.`,
    )
    this.draw()
  }

  timeAt(x: number): number {
    const { left, width } = this.#layout
    const { from, to } = this.parts.view
    return from + ((x - left) / Math.max(1, width - left)) * (to - from)
  }

  /** The row under a point of the canvas; -1 when there is none. */
  rowAt(x: number, y: number): number {
    const { table, view, search } = this.parts
    const { left, top, rowHeight, width } = this.#layout
    const lane = table.lanes[Math.floor((y - top + this.#scroller.scrollTop) / rowHeight)]
    if (lane === undefined || y < top || x < left) return -1
    const slack = (NEAR * (view.to - view.from)) / Math.max(1, width - left)
    const time = this.timeAt(x)
    let [best, bestDistance] = [-1, Number.POSITIVE_INFINITY]
    for (let place = firstInLane(table, lane, time - slack); place < lane.length; place++) {
      const at = lane[place]!
      if (table.starts[at]! > time + slack) break
      const away = Math.max(table.starts[at]! - time, time - table.endOf(at), 0)
      const distance = away + (search.matches !== null && search.matches[at] === 0 ? slack : 0)
      if (distance < bestDistance) [best, bestDistance] = [at, distance]
    }
    return best
  }

  /** Marks what the pointer is at. */
  pointAt(x: number, y: number): number {
    const at = this.rowAt(x, y)
    this.hover(at, x, y)
    this.#pointer = { x, y }
    return at
  }

  /** Marks a row, and shows what it is beside it. */
  hover(at: number, x: number, y: number): void {
    this.#pointer = null
    if (at !== this.#marked) {
      this.#marked = at
      this.draw()
      this.#tooltip.replaceChildren(...(at === -1 ? [] : this.#tooltipOf(at)))
    }
    this.#tooltip.hidden = at === -1
    if (at === -1) return
    const { width } = this.#layout
    const box = this.#tooltip.getBoundingClientRect()
    const isRight = x + 16 + box.width > width
    this.#tooltip.style.left = `${Math.max(0, isRight ? Math.min(x - box.width - 12, width - box.width) : x + 14)}px`
    this.#tooltip.style.top = `${y + 18}px`
  }

  /** Brings a row into view, marks it, and says what it is. */
  goTo(at: number): void {
    const { table, view } = this.parts
    if (at === -1 || table.laneOf[at] === -1 || at >= table.count) return
    const [start, end] = [table.starts[at]!, table.endOf(at)]
    const span = view.to - view.from
    const isSmall = (end - start) / span < 0.004
    if (start < view.from || end > view.to || isSmall) {
      const wanted = isSmall ? Math.max((end - start) * 40, 0.05) : Math.max(span, (end - start) * 1.5)
      view.show((start + end - wanted) / 2, (start + end + wanted) / 2)
    }
    const { top, rowHeight, height, left, width } = this.#layout
    const lane = table.laneOf[at]!
    const y = lane * rowHeight
    if (y < this.#scroller.scrollTop || y + rowHeight > this.#scroller.scrollTop + height - top)
      this.#scroller.scrollTop = y - (height - top) / 2
    const x = left + ((start - view.from) / (view.to - view.from)) * (width - left)
    this.hover(at, Math.max(left, x), top + y - this.#scroller.scrollTop + rowHeight)
    this.#said.textContent = shortLines(table, at).join(', ')
  }

  /** Goes to the task after the marked one, or before it; of those that were found, when some were searched for. */
  step(direction: 1 | -1): void {
    const { search, view } = this.parts
    this.goTo(search.next(this.#marked, direction, view.from))
  }

  scrollBy(rows: number): void {
    this.#scroller.scrollTop += rows * this.#layout.rowHeight
  }

  #tooltipOf(at: number): Node[] {
    const [name = '', ...lines] = shortLines(this.parts.table, at)
    return [element('strong', {}, name), ...lines.map((line) => element('span', {}, line))]
  }

  #draw(): void {
    const { table, view, search, theme } = this.parts
    const ratio = window.devicePixelRatio || 1
    this.#layout = { ...this.#layout, scrolled: this.#scroller.scrollTop }
    this.#context.setTransform(ratio, 0, 0, ratio, 0, 0)
    drawTimeline(this.#context, this.#layout, { table, view, search, colors: theme.colors, marked: this.#marked })
    if (this.selected === null) return
    const [from, to] = this.selected
    this.#context.fillStyle = theme.colors.accentFill
    this.#context.fillRect(Math.min(from, to), TOP, Math.abs(to - from), this.#layout.height - TOP)
  }
}
