import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { formatDuration } from '../../src/output/duration.js'
import { ProgressLine, type ProgressSnapshot, progressText, summaryLine } from '../../src/output/progress-line.js'
import { RESULT_STATES, type ResultState } from '../../src/task/result.js'
import { MemoryWriter } from './support.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function states(counts: Partial<Record<ResultState, number>> = {}): Record<ResultState, number> {
  const none = Object.fromEntries(RESULT_STATES.map((state) => [state, 0])) as Record<ResultState, number>
  return { ...none, ...counts }
}

function snapshot(fields: Partial<ProgressSnapshot> = {}): ProgressSnapshot {
  const early = { total: 50, queued: 4, running: 2, done: 1, ratePerSecond: null, etaMs: null }
  return { ...early, byState: states({ succeeded: 1 }), ...fields }
}

test('the text tells what is known', () => {
  const byState = states({ succeeded: 110, failed: 2, 'timed-out': 1, skipped: 7 })
  const full = snapshot({ total: 5000, done: 120, running: 8, ratePerSecond: 117.6, etaMs: 41_200, byState })
  expect(progressText(full)).toBe('120/5000 done, 3 failed, 8 running, 118/s, ETA 41 s')
  expect(progressText(snapshot({ total: null }))).toBe('1 done, 2 running')
  expect(progressText(snapshot({ ratePerSecond: 0.25 }))).toBe('1/50 done, 2 running, 0.3/s')
})

test('it is drawn at once, then at most ten times a second with the latest state', () => {
  const writer = new MemoryWriter()
  const line = new ProgressLine({ writer })
  for (let done = 1; done <= 30; done++) line.update(snapshot({ done }))
  expect(writer.chunks.map(String)).toEqual(['\r1/50 done, 2 running\x1b[K'])
  vi.advanceTimersByTime(99)
  expect(writer.chunks).toHaveLength(1)
  vi.advanceTimersByTime(1)
  expect(writer.chunks.map(String).slice(1)).toEqual(['\r30/50 done, 2 running\x1b[K'])
  vi.advanceTimersByTime(1000)
  expect(writer.chunks).toHaveLength(2)
  line.stop()
})

test('it is cut to the width of the terminal', () => {
  const writer = new MemoryWriter()
  new ProgressLine({ writer, columns: () => 10 }).update(snapshot())
  expect(writer.text).toBe('\r1/50 done\x1b[K')
})

test('it makes way for other output and comes back', () => {
  const writer = new MemoryWriter()
  const line = new ProgressLine({ writer })
  expect(line.clear()).toBeUndefined()
  line.update(snapshot())
  expect(line.clear()).toBeInstanceOf(Promise)
  expect(writer.chunks.map(String).slice(1)).toEqual(['\r\x1b[K'])
  expect(line.clear()).toBeUndefined()
  vi.advanceTimersByTime(100)
  expect(writer.chunks.map(String).slice(2)).toEqual(['\r1/50 done, 2 running\x1b[K'])
  line.stop()
  expect(String(writer.chunks.at(-1))).toBe('\r\x1b[K')
  line.update(snapshot({ done: 9 }))
  vi.advanceTimersByTime(1000)
  expect(writer.chunks).toHaveLength(4)
})

test('it waits while something else stands in the line', () => {
  const writer = new MemoryWriter()
  let mayDraw = false
  const line = new ProgressLine({ writer, mayDraw: () => mayDraw })
  line.update(snapshot())
  vi.advanceTimersByTime(300)
  expect(writer.text).toBe('')
  mayDraw = true
  vi.advanceTimersByTime(100)
  expect(writer.chunks).toHaveLength(1)
  line.stop()
})

test('the summary names the states that occurred', () => {
  const byState = states({ succeeded: 4990, failed: 7, 'timed-out': 3 })
  expect(summaryLine({ byState })).toBe('drover: 5000 tasks: 4990 succeeded, 7 failed, 3 timed-out')
  expect(summaryLine({ byState: states({ killed: 1 }) })).toBe('drover: 1 task: 1 killed')
  expect(summaryLine({ byState: states() })).toBe('drover: 0 tasks')
})

test('durations are short', () => {
  const texts = [0, 840, 9_960, 41_200, 59_600, 200_000, 3_599_900, 7_500_000, 86_400_000, 100 * 3_600_000].map(
    formatDuration,
  )
  expect(texts).toEqual(['0 s', '0.8 s', '10 s', '41 s', '1 min', '3 min 20 s', '1 h', '2 h 5 min', '1 d', '4 d 4 h'])
})
