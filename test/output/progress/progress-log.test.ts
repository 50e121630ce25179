import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { progressForm } from '../../../src/output/progress/progress-form.js'
import { ProgressLog } from '../../../src/output/progress/progress-log.js'
import { stateOf } from './states.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('lines come ever more rarely', () => {
  const startedMs = Date.now()
  const seconds: number[] = []
  const log = new ProgressLog({ write: () => seconds.push((Date.now() - startedMs) / 1_000) })
  log.begin(stateOf)
  vi.advanceTimersByTime(3_600_000)
  expect(seconds.slice(0, 9)).toEqual([2, 6, 14, 30, 62, 126, 254, 510, 810])
  log.end([], 0)
  vi.advanceTimersByTime(3_600_000)
  expect(seconds.length).toBeLessThan(20)
})

test('failures are told of again at the end, the first of them first, and none is taken for a marker', () => {
  const lines: string[] = []
  const log = new ProgressLog({ write: (line) => lines.push(line), isGithub: true })
  log.begin(stateOf)
  vi.advanceTimersByTime(2_000)
  const failure = { command: 'false\n::error::', end: 'exit 1', stderr: '\x1b[31mno\nway' }
  log.end(
    [
      { ...failure, name: '::endgroup::' },
      { ...failure, name: '#1', command: null, stderr: '' },
    ],
    30,
  )
  expect(lines).toEqual([
    '::group::drover',
    'drover: 1,204 of 2,300 done, 3 failed, 8 running, 13/s, ETA 1 min 20 s',
    '::endgroup::',
    'drover: 30 failed, the last 2 of them:',
    '  - #1: exit 1',
    '  - ::endgroup:: (false ::error::): exit 1: \\x1b[31mno way',
  ])
})

describe('progressForm', () => {
  const form = (fields: Partial<Parameters<typeof progressForm>[0]>) =>
    progressForm({ wanted: undefined, isTerminal: true, env: { TERM: 'xterm' }, ...fields })

  test('is a block on a terminal that can be drawn on, and nothing elsewhere', () => {
    expect(form({})).toBe('block')
    expect(form({ isTerminal: false })).toBeNull()
    expect(form({ env: { TERM: 'dumb' } })).toBeNull()
    expect(form({ env: {} })).toBe(process.platform === 'win32' ? 'block' : null)
    expect(form({ isShared: true })).toBeNull()
    expect(form({ wanted: false })).toBeNull()
  })

  test('is a log where it is wanted and nothing can be drawn, and for CI that shows a terminal', () => {
    expect(form({ wanted: true })).toBe('block')
    expect(form({ wanted: true, isTerminal: false })).toBe('log')
    expect(form({ wanted: true, isShared: true })).toBe('log')
    expect(form({ wanted: true, env: { TERM: 'dumb' } })).toBe('log')
    expect(form({ env: { TERM: 'xterm', CI: 'true' } })).toBe('log')
    expect(form({ env: { TERM: 'xterm', CI: 'false' } })).toBe('block')
    expect(form({ isTerminal: false, env: { CI: 'true' } })).toBeNull()
  })
})
