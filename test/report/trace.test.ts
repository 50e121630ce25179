import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { writeReport } from '../../src/index.js'
import { JournalFolder, linesOf, runHead } from '../helpers/journals.js'
import { resultOf } from '../output/support.js'
import { checkFormat, type Trace } from './trace-event-format.js'

const folder = new JournalFolder()
afterAll(() => folder.remove())

const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString()
const key = (n: number) => n.toString(16).padStart(32, '0')

async function traceOf(content: string): Promise<Trace> {
  const { path } = await writeReport(folder.write(content), { form: 'trace' })
  const trace = JSON.parse(readFileSync(path, 'utf8'))
  checkFormat(trace)
  return trace
}

it('has a complete event for each result and attempt that was started, in lanes by host, and their names', async () => {
  const results = [
    resultOf(0, { key: key(1), id: 'a', startedAt: at(100), durationMs: 50.5, host: 'one', cpuUserMs: 20 }),
    resultOf(1, { key: key(2), startedAt: at(110), durationMs: 10, host: 'one', state: 'failed', exitCode: 3 }),
    resultOf(2, {
      key: key(3),
      startedAt: at(90),
      durationMs: 200,
      host: 'two',
      state: 'killed',
      exitCode: null,
      signal: 'SIGKILL',
    }),
    resultOf(3, { key: key(4), state: 'skipped', exitCode: null }),
  ]
  const attempt = { ...results[1]!, type: 'attempt', startedAt: at(95), durationMs: 2 } as const
  const { traceEvents, otherData } = await traceOf(runHead() + linesOf([attempt, ...results]))
  expect(otherData).toEqual({
    generator: 'drover',
    source: expect.stringMatching(/\.jsonl$/),
    startedAt: at(90),
    runs: ['r1'],
  })
  const names = traceEvents.filter(({ name }) => name.endsWith('_name'))
  expect(names.map(({ name, pid, tid, args }) => [name, pid, tid, args.name])).toEqual([
    ['process_name', 1, undefined, 'one'],
    ['thread_name', 1, 1, 'lane 1'],
    ['thread_name', 1, 2, 'lane 2'],
    ['process_name', 2, undefined, 'two'],
    ['thread_name', 2, 1, 'lane 1'],
  ])
  const bars = traceEvents.filter(({ ph }) => ph === 'X')
  expect(bars.map(({ name, pid, tid, ts, dur }) => [name, pid, tid, ts, dur])).toEqual([
    ['#2', 1, 1, 5_000, 2_000],
    ['a', 1, 1, 10_000, 50_500],
    ['#2', 1, 2, 20_000, 10_000],
    ['#3', 2, 1, 0, 200_000],
  ])
  expect(bars[1]!.args).toMatchObject({ state: 'succeeded', exitCode: 0, command: 'true', cpuUserMs: 20 })
  expect(bars[2]!.args).toMatchObject({ state: 'failed', exitCode: 3 })
  expect(bars[3]!.args).toMatchObject({ state: 'killed', exitCode: null, signal: 'SIGKILL' })
})

it('of an empty journal is a trace without events', async () => {
  expect((await traceOf('')).traceEvents).toEqual([])
})

it('is JSON whatever tasks are called', async () => {
  const hostile = '"\u2028</script>\\\n\u0000'
  const { traceEvents } = await traceOf(linesOf([resultOf(0, { id: hostile, startedAt: at(0), command: hostile })]))
  expect(traceEvents.at(-1)).toMatchObject({ name: hostile, args: { command: hostile } })
})

it('is of the format, with nothing over another on a thread, however tasks lie', async () => {
  const task = fc.record({
    startMs: fc.oneof(fc.nat(50), fc.nat(100_000)),
    durationMs: fc.oneof(fc.nat(20), fc.double({ min: 0, max: 50_000, noNaN: true }), fc.constant(0.0004)),
    host: fc.constantFrom('one', 'two', 'three'),
    state: fc.constantFrom('succeeded', 'failed', 'timed-out', 'killed', 'cancelled', 'lost'),
    isAttempt: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(task, { minLength: 1, maxLength: 60 }), async (tasks) => {
      const records = tasks.flatMap(({ startMs, durationMs, host, state, isAttempt }, n) => {
        const result = resultOf(n, { key: key(n + 1), startedAt: at(startMs), durationMs, host, state })
        return isAttempt ? [{ ...result, type: 'attempt', startedAt: at(startMs + 3) } as const, result] : [result]
      })
      const { traceEvents } = await traceOf(runHead() + linesOf(records))
      expect(traceEvents.filter(({ ph }) => ph === 'X')).toHaveLength(records.length)
      expect(Math.min(...traceEvents.flatMap(({ ts }) => ts ?? []))).toBe(0)
    }),
    { numRuns: 60 },
  )
})
