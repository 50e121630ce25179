import { describe, expect, test, vi } from 'vitest'
import { ProgressKeys } from '../../../src/output/progress/progress-keys.js'
import { progressState } from '../../../src/output/progress/progress-model.js'
import { ProgressRecord, type ProgressResult } from '../../../src/output/progress/progress-record.js'
import type { ShownRun, ShownTask } from '../../../src/output/progress/progress-state.js'
import { states } from './states.js'

function resultOf(index: number, fields: Partial<ProgressResult> = {}): ProgressResult {
  const none = { id: null, exitCode: 0, signal: null, error: null, stderr: '', args: null }
  return { ...none, index, state: 'succeeded', durationMs: 100, command: `echo ${index}`, ...fields }
}

function runOf(tasks: readonly ShownTask[] = [], fields: Partial<ReturnType<ShownRun['progress']>> = {}) {
  const steering = {
    paused: false,
    pause: () => {
      steering.paused = true
    },
    unpause: () => {
      steering.paused = false
    },
    tasks: vi.fn((most: number) => tasks.slice(0, most)),
  }
  return {
    concurrency: 4,
    steering,
    progress: () => ({
      total: 100,
      queued: 1,
      running: 4,
      done: 10,
      alreadyDone: 5,
      byState: states({ succeeded: 8, failed: 1, lost: 1 }),
      ratePerSecond: null,
      etaMs: null,
      ...fields,
    }),
    halt: vi.fn(),
  } satisfies ShownRun
}

const GOING = { isStopping: false, notice: null, help: null }

describe('progressState', () => {
  test('counts what an earlier run has done, and what was not read yet', () => {
    const state = progressState(runOf(), new ProgressRecord(), GOING)
    expect(state).toMatchObject({ total: 100, done: 15, failed: 2, running: 4, queued: 81, phase: 'going' })
    expect(progressState(runOf([], { total: null }), new ProgressRecord(), GOING).queued).toBe(1)
  })

  test('says that nothing more is started, whoever has halted the run', () => {
    const run = runOf()
    const halted = { ...run, steering: { ...run.steering, stopped: true } }
    expect(progressState(halted, new ProgressRecord(), GOING).phase).toBe('stopping')
    expect(new ProgressKeys(halted).press('p')).toBe('nothing more is started anyway')
  })

  test('shows what has run for a while, looks at few, and says what takes longer than usual', () => {
    const record = new ProgressRecord()
    for (let index = 0; index < 20; index++) record.result(resultOf(index, { durationMs: 1_000 }))
    const task = (index: number, durationMs: number, state: 'running' | 'waiting' = 'running') => {
      return { index, id: index === 1 ? 'one' : null, state, durationMs, command: `sleep ${index}` }
    }
    const run = runOf([task(1, 10_000), task(2, 2_500), task(3, 400), task(4, 0, 'waiting')])
    const { longest } = progressState(run, record, GOING)
    expect(longest).toEqual([
      { name: 'one', command: 'sleep 1', elapsedMs: 10_000, timesUsual: expect.closeTo(10) },
      { name: '#3', command: 'sleep 2', elapsedMs: 2_500, timesUsual: null },
    ])
    expect(run.steering.tasks).toHaveBeenCalledWith(8)
  })
})

describe('ProgressRecord', () => {
  test('keeps the beginning of what a task that failed has printed to standard error, of its last try', () => {
    const record = new ProgressRecord()
    const print = (attempt: number, stream: 'stdout' | 'stderr', text: string) =>
      record.output({ index: 0, attempt, stream, chunk: Buffer.from(text) })
    print(1, 'stderr', 'first try')
    print(2, 'stdout', 'no complaint')
    print(2, 'stderr', 'no such ')
    print(1, 'stderr', 'late')
    print(2, 'stderr', `file${'!'.repeat(1_000)}`)
    record.result(resultOf(0, { state: 'failed', exitCode: 2 }))
    const [failure] = record.failures()
    expect(failure).toMatchObject({ name: '#1', command: 'echo 0', end: 'exit 2' })
    expect(failure!.stderr).toBe('no such file!'.padEnd(256, '!'))
  })

  test('takes what a result has kept, text or bytes, and remembers the latest twenty', () => {
    const record = new ProgressRecord()
    for (let index = 0; index < 30; index++) {
      const stderr = index % 2 === 0 ? `bad ${index}` : Buffer.from(`bad ${index}`)
      record.result(resultOf(index, { id: `t${index}`, state: 'killed', exitCode: null, signal: 'SIGABRT', stderr }))
    }
    expect(record.failures()).toHaveLength(20)
    expect(record.failures(2)).toEqual([
      { name: 't29', command: 'echo 29', end: 'SIGABRT', stderr: 'bad 29' },
      { name: 't28', command: 'echo 28', end: 'SIGABRT', stderr: 'bad 28' },
    ])
  })

  test('knows how long a task usually takes, which a few long ones do not change', () => {
    const record = new ProgressRecord()
    for (let index = 0; index < 4; index++) record.result(resultOf(index))
    expect(record.usualMs).toBeNull()
    for (let index = 4; index < 100; index++)
      record.result(resultOf(index, { durationMs: index === 50 ? 60_000 : 100 }))
    expect(record.usualMs).toBeGreaterThan(99)
    expect(record.usualMs).toBeLessThan(150)
  })
})

describe('ProgressKeys', () => {
  test('q starts nothing more, and stays gentle', () => {
    const run = runOf()
    const keys = new ProgressKeys(run)
    expect(keys.press('q')).toMatch(/what runs is finished/)
    expect(keys.press('q')).toMatch(/what runs is finished/)
    expect(run.halt.mock.calls).toEqual([['soon', expect.objectContaining({ code: 'ERR_DROVER_HALTED' })]])
    expect(keys.isStopping).toBe(true)
  })

  test('p pauses and goes on', () => {
    const run = runOf()
    const keys = new ProgressKeys(run)
    expect(keys.press('p')).toMatch(/^paused/)
    expect(run.steering.paused).toBe(true)
    expect(keys.press('p')).toMatch(/goes on/)
    expect(run.steering.paused).toBe(false)
  })

  test('+ and - change the number of jobs, never below one, and not where there is no limit', () => {
    const run = runOf()
    const keys = new ProgressKeys(run)
    keys.press('+')
    expect(run.concurrency).toBe(5)
    for (let n = 0; n < 8; n++) keys.press('-')
    expect(run.concurrency).toBe(1)
    expect(keys.press('-')).toBe('there is 1 job at once already; p pauses, q starts nothing more')
    expect(run.concurrency).toBe(1)
    expect(keys.press('+')).toBe('2 jobs at once from now on')
    expect(keys.press('-')).toBe('1 job at once from now on')
    run.concurrency = Number.POSITIVE_INFINITY
    keys.press('-')
    expect(run.concurrency).toBe(Number.POSITIVE_INFINITY)
    let workers = 2
    const jobs = {
      get: () => workers,
      set: (count: number) => {
        workers = count
      },
    }
    expect(new ProgressKeys(run, jobs).press('+')).toBe('3 jobs at once from now on')
    expect(workers).toBe(3)
  })

  test('? shows help and hides it; other keys do nothing', () => {
    const keys = new ProgressKeys(runOf())
    expect([keys.press('?'), keys.isHelpShown, keys.press('?'), keys.isHelpShown]).toEqual([null, true, null, false])
    expect(keys.press('x')).toBeUndefined()
  })
})
