import { expect, test } from 'vitest'
import { formatDuration } from '../../../src/output/duration.js'
import type { ProgressState } from '../../../src/output/progress/progress-state.js'
import { blockLines } from '../../../src/output/progress/progress-view.js'
import {
  endedText,
  endWords,
  etaText,
  progressText,
  rateText,
  summaryLine,
} from '../../../src/output/progress/progress-words.js'
import { stateOf, states } from './states.js'

test('the text tells what is known, and that the rest is not', () => {
  expect(progressText(stateOf())).toBe('1,204 of 2,300 done, 3 failed, 8 running, 13/s, ETA 1 min 20 s')
  const early = stateOf({ failed: 0, done: 1, ratePerSecond: null, etaMs: null })
  expect(progressText(early)).toBe('1 of 2,300 done, 8 running, ETA unknown')
  expect(progressText({ ...early, total: null })).toBe('1 done, 8 running')
  expect(progressText({ ...early, phase: 'paused' })).toBe('1 of 2,300 done, 8 running, paused')
})

test('a rate is told as long as something may come of it', () => {
  const rates = (fields: Partial<ProgressState>) => [
    progressText(stateOf(fields)).includes('13/s'),
    blockLines(stateOf(fields), { columns: 120, rows: 30, color: false, unicode: true }).join().includes('13/s'),
  ]
  expect(rates({ phase: 'paused', running: 1 })).toEqual([true, true])
  expect(rates({ phase: 'paused', running: 0 })).toEqual([false, false])
  expect(rates({ running: 0 })).toEqual([true, true])
})

test('rates are as short as they can be, and never nothing', () => {
  expect([1234, 81, 9.96, 0.96, 0.5, 0.02, 0.001].map(rateText)).toEqual([
    '1,234/s',
    '81/s',
    '10/s',
    '1/s',
    '30/min',
    '1.2/min',
    '3.6/h',
  ])
})

test('an estimate is in whole seconds, and none at all when it is years', () => {
  expect([0, 1_499, 9_600, 3_599_900, 4e12, null].map((etaMs) => etaText({ etaMs }))).toEqual([
    'ETA 1 s',
    'ETA 1 s',
    'ETA 10 s',
    'ETA 1 h',
    'ETA unknown',
    'ETA unknown',
  ])
})

test('a run that took a while ends in one line', () => {
  const ended = (total: number, byState: ReturnType<typeof states>) => endedText({ total, byState, durationMs: 12_300 })
  expect(ended(1_000, states({ succeeded: 997, failed: 3 }))).toBe('drover: 1,000 done, 3 failed in 12 s, 81/s')
  expect(ended(10, states({ succeeded: 4, 'timed-out': 1, cancelled: 2, skipped: 3 }))).toBe(
    'drover: 5 done, 1 timed-out, 2 cancelled, 3 skipped in 12 s, 24/min',
  )
  expect(ended(2, states({ skipped: 2 }))).toBe('drover: 0 done, 2 skipped in 12 s')
})

test('a run that was ended early says by what, and how much is left', () => {
  const summary = { total: 2, byState: states({ failed: 2 }), durationMs: 2_000 }
  const early = { unread: 1_005, why: 'halted by soon,fail=1' }
  const end = '; halted by soon,fail=1, 1,005 not started'
  expect(endedText(summary, early)).toBe(`drover: 2 done, 2 failed in 2 s, 1/s${end}`)
  expect(summaryLine(summary, 'task', early)).toBe(`drover: 2 tasks: 2 failed${end}`)
  expect(endedText(summary, { unread: 3, why: null })).toMatch(/1\/s; 3 not started$/)
})

test('the summary names the states that occurred', () => {
  const byState = states({ succeeded: 4990, failed: 7, 'timed-out': 3 })
  expect(summaryLine({ byState })).toBe('drover: 5000 tasks: 4990 succeeded, 7 failed, 3 timed-out')
  expect(summaryLine({ byState: states({ killed: 1 }) })).toBe('drover: 1 task: 1 killed')
  expect(summaryLine({ byState: states() })).toBe('drover: 0 tasks')
})

test('how a task ended is a few words', () => {
  const none = { exitCode: null, signal: null, error: null, durationMs: 2_000 }
  const error = { code: 'ENOENT', message: 'spawn nothing ENOENT' }
  expect([
    endWords({ ...none, state: 'failed', exitCode: 3 }),
    endWords({ ...none, state: 'killed', signal: 'SIGSEGV' }),
    endWords({ ...none, state: 'timed-out' }),
    endWords({ ...none, state: 'spawn-failed', error }),
    endWords({ ...none, state: 'lost', error: { code: 'ERR_DROVER_LOST', message: 'the launcher died' } }),
  ]).toEqual(['exit 3', 'SIGSEGV', 'timed out after 2 s', 'not started: ENOENT', 'lost: the launcher died'])
})

test('durations are short', () => {
  const texts = [0, 840, 9_960, 41_200, 59_600, 200_000, 3_599_900, 7_500_000, 86_400_000, 100 * 3_600_000].map(
    formatDuration,
  )
  expect(texts).toEqual(['0 s', '0.8 s', '10 s', '41 s', '1 min', '3 min 20 s', '1 h', '2 h 5 min', '1 d', '4 d 4 h'])
})
