import uPlot from 'uplot'
import { axisOf, countsTable, niceTop } from './charts.js'
import { element, part } from './dom.js'
import { formatCount, formatDuration } from './format.js'
import { type Histogram, histogram, quantile, spreadsWide } from './series.js'
import type { TaskTable } from './task-table.js'
import type { Theme } from './theme.js'

const HEIGHT = 190

/** How many tasks took how long. */
export class DurationChart {
  readonly #table: TaskTable
  readonly #theme: Theme
  readonly #place = part('chart-durations')
  readonly #log = part<HTMLInputElement>('durations-log')
  #chosen = false
  #chart: uPlot | null = null

  constructor(table: TaskTable, theme: Theme) {
    this.#table = table
    this.#theme = theme
    this.#log.addEventListener('change', () => {
      this.#chosen = true
      this.update()
    })
    theme.onChange(() => this.#chart?.redraw(false))
    new ResizeObserver(() => {
      this.#chart?.setSize({ width: this.#place.clientWidth, height: HEIGHT })
    }).observe(this.#place)
  }

  update(): void {
    const { starts, durations, settled } = this.#table
    const all: number[] = []
    for (let at = 0; at < settled; at++) if (!Number.isNaN(starts[at]!)) all.push(durations[at]!)
    if (all.length === 0) {
      this.#place.replaceChildren(element('p', { class: 'nothing' }, 'Nothing has run.'))
      return
    }
    if (!this.#chosen) this.#log.checked = spreadsWide(all)
    const sorted = Float64Array.from(all).sort()
    const words = [
      `median ${formatDuration(quantile(sorted, 0.5))}`,
      `95% within ${formatDuration(quantile(sorted, 0.95))}`,
      `longest ${formatDuration(sorted.at(-1)!)}`,
    ].join(', ')
    part('chart-durations-note').textContent = words
    this.#place.setAttribute('aria-label', `Durations: ${words}`)
    this.#show(histogram(all, this.#log.checked))
  }

  #show(bins: Histogram): void {
    const positions = bins.counts.map((_, bin) =>
      bins.isLog ? Math.log10(bins.borders[bin]!) : bins.borders[bin]! / 1_000,
    )
    this.#chart?.destroy()
    this.#place.replaceChildren()
    this.#chart = new uPlot(this.#options(bins), [positions, bins.counts], this.#place)
    const rows = bins.counts.flatMap((count, bin) => (count === 0 ? [] : [[spanOf(bins, bin), count] as const]))
    part('chart-durations-table').replaceChildren(countsTable(rows, ['Took', 'Tasks and attempts']))
  }

  #options(bins: Histogram): uPlot.Options {
    const theme = this.#theme
    const place = (border: number) => (bins.isLog ? Math.log10(border) : border / 1_000)
    const timeOf = (position: number) => (bins.isLog ? 10 ** position : position * 1_000)
    return {
      width: this.#place.clientWidth,
      height: HEIGHT,
      padding: [10, 26, 0, 0],
      cursor: { drag: { x: false, y: false }, points: { show: false } },
      scales: {
        x: { time: false, range: () => [place(bins.borders[0]!), place(bins.borders.at(-1)!)] },
        y: { range: (_, __, most) => [0, niceTop(most)] },
      },
      axes: [
        axisOf(theme, {
          size: 28,
          space: 70,
          values: (_, marks) => marks.map((mark) => formatDuration(Number(timeOf(mark).toPrecision(3)))),
          ...(bins.isLog && { splits: (_, __, least, most) => logMarks(least, most) }),
        }),
        axisOf(theme, {
          size: 54,
          space: 32,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6],
          values: (_, marks) => marks.map(formatCount),
        }),
      ],
      series: [
        { label: 'took', value: (_, __, ___, bin) => (bin === null ? '–' : spanOf(bins, bin)) },
        {
          label: 'tasks',
          stroke: () => theme.colors.accent,
          fill: () => theme.colors.accentFill,
          width: 1,
          paths: uPlot.paths.bars!({ align: 1, size: [1, Number.POSITIVE_INFINITY], gap: 1 }),
          points: { show: false },
          value: (_, value) => (value === null ? '–' : formatCount(value)),
        },
      ],
    }
  }
}

function spanOf({ borders }: Histogram, bin: number): string {
  return `${formatDuration(borders[bin]!)} – ${formatDuration(borders[bin + 1]!)}`
}

/** Powers of ten, and what is between them where these would be few. */
function logMarks(least: number, most: number): number[] {
  const factors = most - least > 3 ? [1] : most - least > 1.2 ? [1, 3] : [1, 2, 3, 5, 7]
  const marks: number[] = []
  for (let power = Math.floor(least); power <= most; power++) {
    for (const factor of factors) {
      const mark = power + Math.log10(factor)
      if (mark >= least && mark <= most) marks.push(mark)
    }
  }
  return marks
}
