import uPlot from 'uplot'
import { afterQuiet, element, part } from './dom.js'
import { formatCount, formatNumber } from './format.js'
import { type TimeSeries, timeSeries } from './series.js'
import type { TaskTable } from './task-table.js'
import type { Theme } from './theme.js'
import { formatTick, tickStep } from './ticks.js'
import type { View } from './view.js'

const HEIGHT = 190
/** Parts that a span of time is cut into at the most; and how wide one is at the least, in pixels. */
const MOST_PARTS = 300
const PART_WIDTH = 3
/** Results that a part has on average, before it is said how many there were a second. */
const RESULTS_A_PART = 4
const LEAST_PARTS = 16

interface ChartKind {
  readonly id: string
  readonly unit: string
  readonly valuesOf: (series: TimeSeries) => (number | null)[]
  readonly format: (value: number) => string
}

const KINDS: readonly ChartKind[] = [
  {
    id: 'chart-running',
    unit: 'tasks',
    valuesOf: (series) => series.running,
    format: (value) => String(Number(value.toFixed(1))),
  },
  { id: 'chart-rate', unit: 'results a second', valuesOf: (series) => series.rate, format: formatNumber },
  { id: 'chart-cpu', unit: 'processors', valuesOf: (series) => series.cpus, format: formatNumber },
  { id: 'chart-memory', unit: 'MiB', valuesOf: (series) => series.memory, format: formatNumber },
]

/** Looks of an axis, the same in all charts. */
export function axisOf(theme: Theme, extra: uPlot.Axis): uPlot.Axis {
  return {
    stroke: () => theme.colors.faint,
    grid: { stroke: () => theme.colors.grid, width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
    ...extra,
  }
}

/** What went on over time, for the span that is looked at; a span that is drawn in one of them is looked at in all. */
export class TimeCharts {
  readonly #table: TaskTable
  readonly #view: View
  readonly #theme: Theme
  readonly #charts = new Map<ChartKind, uPlot>()
  readonly update = afterQuiet(60, () => this.#update())

  constructor(table: TaskTable, view: View, theme: Theme) {
    this.#table = table
    this.#view = view
    this.#theme = theme
    view.onChange(this.update)
    theme.onChange(() => {
      for (const chart of this.#charts.values()) chart.redraw(false)
    })
    new ResizeObserver(this.update).observe(part(KINDS[0]!.id))
  }

  #update(): void {
    const { from, to } = this.#view
    const width = part(KINDS[0]!.id).clientWidth
    if (width === 0 || this.#table.count === 0) return
    const parts = Math.max(10, Math.min(MOST_PARTS, Math.floor((width - 60) / PART_WIDTH)))
    const series = timeSeries(this.#table, from, to, parts)
    const ended = series.rate.reduce((sum, rate) => sum + rate, 0) * ((to - from) / parts / 1_000)
    const fewer = Math.max(LEAST_PARTS, Math.floor(ended / RESULTS_A_PART))
    const coarse = fewer < parts ? timeSeries(this.#table, from, to, fewer) : series
    for (const kind of KINDS) this.#show(kind, kind.id === 'chart-rate' ? coarse : series, width)
  }

  #show(kind: ChartKind, series: TimeSeries, width: number): void {
    const place = part(kind.id)
    const values = kind.valuesOf(series)
    const known = values.slice(0, -1).filter((value) => value !== null)
    const isMeasured = known.some((value) => value > 0)
    const note = part(`${kind.id}-note`)
    if (!isMeasured) {
      this.#charts.get(kind)?.destroy()
      this.#charts.delete(kind)
      place.replaceChildren(element('p', { class: 'nothing' }, 'Nothing of this was measured.'))
      note.textContent = ''
      return
    }
    const mean = known.reduce((sum, value) => sum + value, 0) / known.length
    const most = known.reduce((a, b) => Math.max(a, b), 0)
    const words = `mean ${kind.format(mean)}, most ${kind.format(most)} ${kind.unit}`
    note.textContent = words
    place.setAttribute('aria-label', words)
    const data: uPlot.AlignedData = [series.at, values]
    let chart = this.#charts.get(kind)
    if (chart === undefined) {
      place.replaceChildren()
      chart = new uPlot(this.#optionsOf(kind, width), data, place)
      this.#charts.set(kind, chart)
      return
    }
    chart.setSize({ width, height: HEIGHT })
    chart.setData(data)
  }

  #optionsOf(kind: ChartKind, width: number): uPlot.Options {
    const theme = this.#theme
    return {
      width,
      height: HEIGHT,
      padding: [10, 12, 0, 0],
      legend: { show: true, live: true },
      cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false }, sync: { key: 'time' } },
      scales: {
        x: { time: false, range: () => this.#range() },
        y: { range: (_, __, most) => [0, niceTop(most)] },
      },
      axes: [
        axisOf(theme, {
          size: 28,
          space: 80,
          splits: (chart) => ticksOf(chart),
          values: (_, marks) => tickWords(marks),
        }),
        axisOf(theme, { size: 54, space: 32, values: (_, marks) => marks.map((mark) => kind.format(mark)) }),
      ],
      series: [
        { label: 'at', value: (_, value) => (value === null ? '–' : `${formatTick(value * 1_000, fine(this.#view))}`) },
        {
          label: kind.unit,
          stroke: () => theme.colors.accent,
          fill: () => theme.colors.accentFill,
          width: 1.5,
          paths: uPlot.paths.stepped!({ align: 1 }),
          points: { show: false },
          value: (_, value) => (value === null ? '–' : kind.format(value)),
        },
      ],
      hooks: {
        setSelect: [
          (chart) => {
            const { left, width: selected } = chart.select
            if (selected < 4) return
            const timeAt = (x: number) => chart.posToVal(x, 'x') * 1_000 + this.#table.begin
            this.#view.show(timeAt(left), timeAt(left + selected))
            chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          },
        ],
        ready: [(chart) => chart.over.addEventListener('dblclick', () => this.#view.showAll())],
      },
    }
  }

  #range(): uPlot.Range.MinMax {
    return [(this.#view.from - this.#table.begin) / 1_000, (this.#view.to - this.#table.begin) / 1_000]
  }
}

function fine(view: View): number {
  return tickStep(view.to - view.from, 200)
}

function ticksOf(chart: uPlot): number[] {
  const { min = 0, max = 1 } = chart.scales.x!
  const step = tickStep((max! - min!) * 1_000, Math.max(2, chart.width / 110)) / 1_000
  const marks: number[] = []
  for (let mark = Math.ceil(min! / step) * step; mark <= max! + step * 1e-6; mark += step) marks.push(mark)
  return marks
}

function tickWords(marks: readonly number[]): string[] {
  const step = marks.length > 1 ? (marks[1]! - marks[0]!) * 1_000 : 1
  return marks.map((mark) => formatTick(mark * 1_000, step))
}

/** The end of an axis that begins at 0. */
export function niceTop(most: number | null): number {
  return most === null || most <= 0 ? 1 : most * 1.08
}

/** A table with what a chart shows, for who cannot see it. */
export function countsTable(
  rows: readonly (readonly [string, number])[],
  heads: readonly [string, string],
): HTMLElement {
  return element(
    'table',
    {},
    element('thead', {}, element('tr', {}, ...heads.map((head) => element('th', { scope: 'col' }, head)))),
    element(
      'tbody',
      {},
      ...rows.map(([name, count]) =>
        element('tr', {}, element('th', { scope: 'row' }, name), element('td', {}, formatCount(count))),
      ),
    ),
  )
}
