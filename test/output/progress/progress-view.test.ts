import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import stringWidth from 'string-width'
import { expect, test } from 'vitest'
import type { ProgressState } from '../../../src/output/progress/progress-state.js'
import { blockLines, type Space } from '../../../src/output/progress/progress-view.js'
import { stateOf } from './states.js'

function shown(state: ProgressState, columns: number, rows: number, look: Partial<Space> = {}): string[] {
  return blockLines(state, { columns, rows, color: false, unicode: true, ...look })
}

test('on a usual terminal', () => {
  expect(shown(stateOf({ help: false }), 80, 24)).toEqual([
    ' ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╸───────────────────────────  52%  ETA 1 min 20 s',
    ' 1,204 of 2,300 done · 3 failed · 8 running · 1,088 queued · 13/s · ? for keys',
    ' ✗ #80    SIGSEGV    ./crash --now                it went wrong in the end',
    ' ▸ #812   2 min 3 s  ffmpeg -i movie.mkv out.mp4  12× the usual time',
    ' ▸ #1190  14 s       gzip -9 a.log',
  ])
})

test('on a narrow and low one the most important is left', () => {
  expect(shown(stateOf(), 40, 10)).toEqual([
    ' ━━━━━━━━╸────────  52%  ETA 1 min 20 s',
    ' 1,204/2,300 · 3 failed · 8 running',
    ' 1,088 queued · 13/s',
    ' ✗ #80    SIGSEGV    ./crash …  it wen…',
    ' ▸ #812   2 min 3 s  ffmpeg -…  12×',
    ' ▸ #1190  14 s       gzip -9 a.log',
  ])
  expect(shown(stateOf(), 20, 5)).toEqual(['━━━━━━━───────  52%', '1,204/2,300 · ✗3', '✗ #80 SIGSEGV ./cr…'])
  expect(shown(stateOf(), 20, 2)).toEqual(['1,204/2,300 · ✗3'])
  expect(shown(stateOf(), 1, 1)).toEqual(['…'])
})

test('what is not known is not shown: no bar without a total, an ETA only when there is one', () => {
  const [first] = shown(stateOf({ total: null, queued: 0, etaMs: null, longest: [], failures: [] }), 80, 24)
  expect(first).toBe(' 1,204 done · 3 failed · ETA unknown · 8 running · 13/s')
  expect(shown(stateOf({ etaMs: null }), 80, 24)[0]).toMatch(/ETA unknown$/)
  expect(
    shown(stateOf({ phase: 'paused' }), 80, 24)
      .slice(0, 2)
      .join(),
  ).toMatch(/52%,.* paused /)
})

test('a terminal that shows only ASCII gets nothing else', () => {
  const odd = 'gr\u00fc\u00df \u4e2d\u{1f600}'
  const { longest, failures } = stateOf()
  const state = stateOf({
    help: true,
    notice: odd,
    longest: longest.map((task) => ({ ...task, command: odd, name: odd })),
    failures: failures.map((task) => ({ ...task, command: odd, stderr: odd, end: odd })),
  })
  for (const columns of [20, 60, 120]) {
    const lines = shown(state, columns, 24, { unicode: false })
    expect(lines.join('')).toMatch(/^[ -~]*$/)
    for (const line of lines) expect(line.length).toBeLessThan(columns)
  }
  expect(shown(state, 120, 24, { unicode: false }).join('\n')).toContain('gr\\u{fc}\\u{df} \\u{4e2d}\\u{1f600}')
})

test('what keys do is shown on demand', () => {
  const text = shown(stateOf({ help: true }), 80, 24).join('\n')
  for (const words of ['q starts nothing more', 'p pauses', '+ one job more', '- one less', 'Ctrl-C'])
    expect(text).toContain(words)
})

test('a command cannot do anything to the terminal, nor turn what is written around', () => {
  const command = 'echo \x1b[2J\x1b]0;title\x07\r\n\t\x9b31m \u202eevil\u200b'
  const failures = [{ name: '\x1bc', command, end: '\x1b[8m', stderr: '\x1b[31mred\x07' }]
  const longest = [{ name: '\x1b[5m', command, elapsedMs: 1_000, timesUsual: null }]
  for (const color of [false, true]) {
    const text = shown(stateOf({ failures, longest, notice: null }), 200, 50, { color }).join('')
    // Colors of the block itself are all that is left.
    expect(text.replace(/\x1b\[\d+m/g, '')).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e\u200b]/)
    expect(text).toContain('\\x1b[2J\\x1b]0;title\\x07 \\x9b31m \\u202eevil\\u200b')
  }
})

const words = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 120 }),
  fc.string({
    unit: fc.constantFrom('日', '本', '🐕', '✅', 'é', '👨‍👩‍👧', 'a', ' ', '\x1b[31m', '\n'),
    maxLength: 60,
  }),
)
const number = fc.oneof(fc.nat(20), fc.nat(100_000_000))
const anyState: fc.Arbitrary<ProgressState> = fc.record({
  total: fc.option(number),
  done: number,
  failed: number,
  running: number,
  queued: number,
  ratePerSecond: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true })),
  etaMs: fc.option(fc.double({ min: 0, max: 1e15, noNaN: true })),
  phase: fc.constantFrom('going', 'paused', 'stopping'),
  longest: fc.array(
    fc.record({
      name: words,
      command: words,
      elapsedMs: fc.double({ min: 0, max: 1e10, noNaN: true }),
      timesUsual: fc.option(fc.double({ min: 3, max: 1e9, noNaN: true })),
    }),
    { maxLength: 8 },
  ),
  failures: fc.array(fc.record({ name: words, command: fc.option(words), end: words, stderr: words }), {
    maxLength: 20,
  }),
  notice: fc.option(words.map((text) => text.replace(/[\x00-\x1f\x7f-\x9f]/g, ''))),
  help: fc.option(fc.boolean()),
})

test('no line is wider than the terminal and there are never more than fit, whatever there is to show', () => {
  const size = fc.record({ columns: fc.integer({ min: 1, max: 220 }), rows: fc.integer({ min: 1, max: 60 }) })
  fc.assert(
    fc.property(anyState, size, fc.boolean(), fc.boolean(), (state, { columns, rows }, color, unicode) => {
      const lines = blockLines(state, { columns, rows, color, unicode })
      expect(lines.length).toBeGreaterThan(0)
      expect(lines.length).toBeLessThanOrEqual(rows)
      for (const line of lines) {
        expect(stringWidth(line)).toBeLessThanOrEqual(columns)
        expect(stripVTControlCharacters(line)).not.toMatch(/[\x00-\x1f\x7f-\x9f]/)
      }
    }),
    { numRuns: 1_000 },
  )
})
