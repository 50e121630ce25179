import type { Search } from './search.js'
import { SharedPixels } from './shared-pixels.js'
import { STATE_FAILED, STATE_WEIGHTS } from './states.js'
import type { TaskTable } from './task-table.js'
import type { Colors } from './theme.js'
import { formatTick, tickStep } from './ticks.js'
import type { View } from './view.js'

/** Where everything is, in CSS pixels. */
export interface Layout {
  readonly width: number
  readonly height: number
  /** Of the names of the lanes. */
  readonly left: number
  /** Of the axis of time. */
  readonly top: number
  readonly rowHeight: number
  /** How far it is scrolled down. */
  readonly scrolled: number
}

export interface Drawn {
  readonly table: TaskTable
  readonly view: View
  readonly search: Search
  readonly colors: Colors
  /** Outlined; -1 for none. */
  readonly marked: number
}

const FONT = '11px system-ui, sans-serif'
/** How much of a row that does not match is still seen. */
const DIM = 0.16
const TICK_WIDTH = 90

/** The first place in a lane whose task has not ended before a time. Tasks in a lane come one after the other. */
export function firstInLane(table: TaskTable, lane: Uint32Array, time: number): number {
  let [low, high] = [0, lane.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (table.endOf(lane[middle]!) < time) low = middle + 1
    else high = middle
  }
  return low
}

export function drawTimeline(context: CanvasRenderingContext2D, layout: Layout, drawn: Drawn): void {
  const { width, height, left, top } = layout
  context.clearRect(0, 0, width, height)
  context.font = FONT
  drawAxis(context, layout, drawn)
  context.save()
  context.beginPath()
  context.rect(left, top, width - left, height - top)
  context.clip()
  const bars = new Bars(layout, drawn)
  for (const lane of visibleLanes(layout, drawn.table)) bars.addLane(lane)
  bars.paint(context)
  drawMark(context, layout, drawn)
  context.restore()
  drawLaneNames(context, layout, drawn)
}

function* visibleLanes({ height, top, rowHeight, scrolled }: Layout, { lanes }: TaskTable): Generator<number, void> {
  const last = Math.min(lanes.length - 1, Math.floor((scrolled + height - top) / rowHeight))
  for (let lane = Math.floor(scrolled / rowHeight); lane <= last; lane++) yield lane
}

interface Label {
  readonly at: number
  readonly x: number
  readonly y: number
  readonly width: number
  readonly state: number
}

/** Rectangles by color, since changing the color takes longer than drawing them. */
class Bars {
  readonly #layout: Layout
  readonly #drawn: Drawn
  /** By state, behind these those that are dimmed, and last what is drawn upon others: x, y, width and height of each. */
  readonly #rectangles: number[][]
  readonly #labels: Label[] = []

  constructor(layout: Layout, drawn: Drawn) {
    this.#layout = layout
    this.#drawn = drawn
    this.#rectangles = Array.from({ length: 3 * drawn.colors.states.length }, () => [])
  }

  addLane(number: number): void {
    const { table, view, search } = this.#drawn
    const { left, width, top, rowHeight, scrolled } = this.#layout
    const lane = table.lanes[number]!
    const scale = (width - left) / (view.to - view.from)
    const y = top + number * rowHeight - scrolled
    const shared = new SharedPixels(
      (color, from, to) => this.#add(color, from, y, to - from, false),
      // What was searched for is to be found, however few.
      (color, pixel, share) => this.#addShare(color, pixel, y, search.matches === null ? share : 1),
    )
    for (let place = firstInLane(table, lane, view.from); place < lane.length; place++) {
      const at = lane[place]!
      const start = table.starts[at]!
      if (start > view.to) break
      const isFound = search.matches === null || search.matches[at] === 1
      const state = table.states[at]!
      const isThin = table.attempts[at] === 1
      const color = isFound ? state : state + this.#drawn.colors.states.length
      const x0 = Math.max(left - 2, left + (start - view.from) * scale)
      const x1 = Math.min(width + 2, left + (table.endOf(at) - view.from) * scale)
      if (x1 - x0 < 2) {
        const standsOut = search.matches === null ? STATE_FAILED[state]! && !isThin : isFound
        const weight = isThin ? 0 : STATE_WEIGHTS[state]!
        for (let pixel = Math.floor(x0); pixel === Math.floor(x0) || pixel + 1 <= x1; pixel++)
          shared.add({ pixel, color, weight, standsOut })
        continue
      }
      shared.flush()
      this.#add(color, x0, y, x1 - x0 > 4 ? x1 - x0 - 1 : x1 - x0, isThin)
      if (x1 - x0 > 50 && rowHeight >= 15 && isFound && !isThin)
        this.#labels.push({ at, x: Math.max(x0, left), y, width: x1 - Math.max(x0, left) - 1, state })
    }
    shared.flush()
  }

  paint(context: CanvasRenderingContext2D): void {
    const { colors } = this.#drawn
    for (const [color, rectangles] of this.#rectangles.entries()) {
      if (rectangles.length === 0) continue
      context.globalAlpha = Math.floor(color / colors.states.length) === 1 ? DIM : 1
      context.fillStyle = colors.states[color % colors.states.length]!
      for (let at = 0; at < rectangles.length; at += 4)
        context.fillRect(rectangles[at]!, rectangles[at + 1]!, rectangles[at + 2]!, rectangles[at + 3]!)
    }
    context.globalAlpha = 1
    context.textBaseline = 'middle'
    for (const label of this.#labels) this.#paintLabel(context, label)
  }

  #paintLabel(context: CanvasRenderingContext2D, { at, x, y, width, state }: Label): void {
    const { table, colors } = this.#drawn
    const text = fitting(context, table.labelOf(at), width - 9)
    if (text.length < 3) return
    context.fillStyle = colors.onStates[state]!
    context.fillText(text, x + 5, y + this.#layout.rowHeight / 2)
  }

  /** A part of a pixel that others share. */
  #addShare(color: number, pixel: number, y: number, share: number): void {
    const { rowHeight } = this.#layout
    const height = Math.max(1, (rowHeight - 2) * share)
    const upon = color + 2 * this.#drawn.colors.states.length
    this.#rectangles[upon]!.push(pixel, y + (rowHeight - 1) - height, 1, height)
  }

  /** What failed takes the whole height, so that it can be told without its color. */
  #add(color: number, x: number, y: number, width: number, isThin: boolean): void {
    const { rowHeight } = this.#layout
    const state = color % this.#drawn.colors.states.length
    const inset =
      rowHeight < 5
        ? 0.5
        : STATE_FAILED[state] && !isThin
          ? 1
          : isThin
            ? rowHeight * 0.35
            : Math.min(3, rowHeight * 0.18)
    this.#rectangles[color]!.push(x, y + inset, width, Math.max(1, rowHeight - 2 * inset))
  }
}

/** As much of a text as has room. */
function fitting(context: CanvasRenderingContext2D, text: string, width: number): string {
  let fits = text.slice(0, Math.floor(width / 3))
  while (fits !== '') {
    const shown = fits.length < text.length ? `${fits}…` : fits
    const measured = context.measureText(shown).width
    if (measured <= width) return shown
    fits = fits.slice(0, Math.min(fits.length - 1, Math.floor((fits.length * width) / measured)))
  }
  return ''
}

function drawMark(
  context: CanvasRenderingContext2D,
  { left, width, top, rowHeight, scrolled }: Layout,
  drawn: Drawn,
): void {
  const { table, view, marked, colors } = drawn
  const lane = marked === -1 ? -1 : (table.laneOf[marked] ?? -1)
  if (lane === -1) return
  const scale = (width - left) / (view.to - view.from)
  const x = left + (table.starts[marked]! - view.from) * scale
  context.strokeStyle = colors.text
  context.lineWidth = 2
  context.strokeRect(
    x - 1.5,
    top + lane * rowHeight - scrolled + 0.5,
    Math.max(3, table.durations[marked]! * scale + 2),
    Math.max(3, rowHeight - 1),
  )
}

function drawAxis(
  context: CanvasRenderingContext2D,
  { width, height, left, top }: Layout,
  { table, view, colors }: Drawn,
): void {
  const span = view.to - view.from
  const step = tickStep(span, Math.max(2, (width - left) / TICK_WIDTH))
  const scale = (width - left) / span
  context.textBaseline = 'middle'
  context.fillStyle = colors.faint
  context.strokeStyle = colors.grid
  context.lineWidth = 1
  for (let time = Math.ceil((view.from - table.begin) / step) * step; time <= view.to - table.begin; time += step) {
    const x = Math.round(left + (time + table.begin - view.from) * scale) + 0.5
    context.beginPath()
    context.moveTo(x, top - 5)
    context.lineTo(x, height)
    context.stroke()
    const text = formatTick(time, step)
    const measured = context.measureText(text).width
    context.fillText(text, Math.min(Math.max(x - measured / 2, 2), width - measured - 2), top / 2 - 1)
  }
}

function drawLaneNames(context: CanvasRenderingContext2D, layout: Layout, { table, colors }: Drawn): void {
  const { left, top, rowHeight, scrolled, height } = layout
  context.save()
  context.beginPath()
  context.rect(0, top, left, height - top)
  context.clip()
  context.textAlign = 'right'
  context.fillStyle = colors.faint
  const every = [1, 2, 5, 10, 20, 50, 100].find((count) => count * rowHeight >= 13) ?? 200
  for (const lane of visibleLanes(layout, table)) {
    const group = table.laneGroups[lane]!
    const first = table.laneGroups.indexOf(group)
    const number = lane - first + 1
    if (number !== 1 && number % every !== 0) continue
    const name =
      number === 1 && table.hosts.length > 1 ? fitting(context, table.hosts[group]!, left - 10) : String(number)
    context.fillText(name, left - 6, top + (lane + 0.5) * rowHeight - scrolled)
  }
  context.restore()
  context.textAlign = 'left'
}
