import { describe, expect, it } from 'vitest'
import { formatDuration } from '../../src/report/page/format.js'
import { histogram, quantile, spreadsWide, timeSeries } from '../../src/report/page/series.js'
import { TaskTable } from '../../src/report/page/task-table.js'
import { formatTick, tickStep } from '../../src/report/page/ticks.js'
import { totalsOf } from '../../src/report/page/totals.js'
import { RowMaker } from '../../src/report/row-of.js'
import type { Result } from '../../src/task/result.js'
import { resultOf } from '../output/support.js'

const BEGIN = Date.UTC(2026, 0, 1)
const at = (ms: number) => new Date(BEGIN + ms).toISOString()

function tableOf(...results: Partial<Result>[]): TaskTable {
  const table = new TaskTable()
  const maker = new RowMaker()
  table.addRows(results.map((fields, index) => maker.rowOf(resultOf(index, fields), 0)))
  table.arrange()
  return table
}

describe('over time', () => {
  it('counts no attempts that were tried again as results', () => {
    const tried = new TaskTable()
    const maker = new RowMaker()
    const result = resultOf(0, { startedAt: at(0), durationMs: 1_000, state: 'failed' })
    const rows = [maker.rowOf({ ...result, type: 'attempt' }, 0), maker.rowOf(result, 0)]
    tried.addRows(rows)
    tried.arrange()
    expect(timeSeries(tried, tried.begin, tried.end, 1)).toMatchObject({ rate: [1, 1], running: [2, 2] })
  })

  it('the rate of all is that of what was started', () => {
    const stopped = tableOf(
      { startedAt: at(0), durationMs: 1_000 },
      { state: 'skipped', startedAt: null, durationMs: 0 },
    )
    expect(totalsOf(stopped)).toMatchObject({ tasks: 2, started: 1, wallMs: 1_000 })
  })

  const table = tableOf(
    { startedAt: at(0), durationMs: 1_000, cpuUserMs: 500, cpuSystemMs: 0, maxRssBytes: 2 ** 20 },
    { startedAt: at(500), durationMs: 500, cpuUserMs: 500, cpuSystemMs: 0, maxRssBytes: 3 * 2 ** 20 },
  )

  it('says how many ran, how many ended, and what they used, part by part', () => {
    const { at: times, running, rate, cpus, memory } = timeSeries(table, table.begin, table.end, 4)
    expect(times).toEqual([0, 0.25, 0.5, 0.75, 1])
    expect(running).toEqual([1, 1, 2, 2, 2])
    expect(rate).toEqual([0, 0, 0, 8, 8])
    expect(cpus).toEqual([0.5, 0.5, 1.5, 1.5, 1.5])
    expect(memory).toEqual([1, 1, 3, 3, 3])
  })

  it('of a part of the time only what was then', () => {
    const { running, rate } = timeSeries(table, table.begin, table.begin + 500, 2)
    expect(running).toEqual([1, 1, 1])
    expect(rate).toEqual([0, 0, 0])
  })

  it('what was not measured is not nothing', () => {
    const unknown = tableOf({ startedAt: at(0), durationMs: 10 })
    expect(timeSeries(unknown, unknown.begin, unknown.end, 2).cpus).toEqual([null, null, null])
  })
})

describe('durations', () => {
  it('are counted in equal bins, or by powers of ten where they are far apart', () => {
    expect(spreadsWide([10, 20, 90])).toBe(false)
    expect(spreadsWide([1, 2, 1_000])).toBe(true)
    const log = histogram([1, 2, 1_000], true)
    expect(log.counts.reduce((a, b) => a + b)).toBe(3)
    expect(log.borders[0]).toBeCloseTo(1)
    expect(log.borders.at(-1)).toBeGreaterThan(1_000)
    const linear = histogram([10, 20, 90], false)
    expect(linear.borders[0]).toBe(0)
    expect(linear.counts.reduce((a, b) => a + b)).toBe(3)
  })

  it('each is in the bin whose borders it is between', () => {
    for (const isLog of [true, false]) {
      const durations = Array.from({ length: 200 }, (_, n) => 0.01 * 1.1 ** n)
      const { borders, counts } = histogram(durations, isLog)
      for (const [bin, count] of counts.entries()) {
        const inside = durations.filter(
          (each) => each >= borders[bin]! * (1 + 1e-9) && each < borders[bin + 1]! * (1 - 1e-9),
        )
        expect(count).toBeGreaterThanOrEqual(inside.length)
      }
      expect(counts.reduce((a, b) => a + b)).toBe(200)
    }
  })

  it('none at all, and none that took any time', () => {
    expect(histogram([], true).counts.every((count) => count === 0)).toBe(true)
    expect(histogram([0, 0], false).counts.reduce((a, b) => a + b)).toBe(2)
    expect(quantile([], 0.5)).toBe(0)
  })

  it('so much of them is within it', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2)
    expect(quantile([1, 2, 3], 0.5)).toBe(2)
    expect(quantile([7], 0.95)).toBe(7)
    const twenty = Array.from({ length: 20 }, (_, n) => n + 1)
    expect(quantile(twenty, 0.95)).toBe(19)
  })
})

describe('in words', () => {
  it.each([
    [0, '0 ms'],
    [0.0123, '12.3 µs'],
    [0.9999, '1 ms'],
    [12.34, '12.3 ms'],
    [999.7, '1 s'],
    [59_960, '1 min'],
    [61_000, '1 min 1 s'],
    [3_600_000, '1 h'],
    [100 * 3_600_000, '4 d 4 h'],
  ])('%d ms took %s', (ms, words) => expect(formatDuration(ms)).toBe(words))

  it.each([
    [0, 100, '0'],
    [150, 50, '150 ms'],
    [1_500, 500, '1.5 s'],
    [90_000, 30_000, '1:30 min'],
    [120_000, 60_000, '2 min'],
    [7_260_000, 60_000, '2:01 h'],
    [30 * 3_600_000, 6 * 3_600_000, '1 d 6 h'],
  ])('a mark at %d ms, of one each %d, is %s', (ms, step, words) => expect(formatTick(ms, step)).toBe(words))

  it('marks come in steps that people count in, and not too many of them', () => {
    expect(tickStep(1_000, 10)).toBe(100)
    expect(tickStep(3 * 60_000, 10)).toBe(30_000)
    expect(tickStep(36 * 3_600_000, 10)).toBe(6 * 3_600_000)
  })
})

it('a table can be cut back, and tasks that run go to lanes of their own', () => {
  const table = tableOf({ startedAt: at(0), durationMs: 100 }, { startedAt: at(0), durationMs: 50 })
  table.addRunning(
    [{ index: 7, id: null, command: 'x', state: 'running', attempt: 1, startMs: BEGIN + 60 }],
    BEGIN + 200,
    'here',
  )
  table.arrange()
  expect([...table.laneOf]).toEqual([1, 0, 0])
  expect([table.settled, table.count, table.end - table.begin]).toEqual([2, 3, 200])
  table.truncate(1)
  table.arrange()
  expect([table.settled, table.count, table.lanes.length]).toEqual([1, 1, 1])
})
