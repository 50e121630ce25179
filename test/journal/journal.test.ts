import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { expect, it } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import { Dispatcher } from '../../src/dispatch/dispatcher.js'
import type { Fsync } from '../../src/journal/append-file.js'
import { Journal, type JournalOptions } from '../../src/journal/journal.js'
import { OptionError } from '../../src/task/errors.js'
import type { Attempt, Result } from '../../src/task/result.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { named, planned, planOfTask } from '../helpers/fake-tasks.js'
import { all, newPath, recordsIn, recordsSoFar, resultsIn } from './support.js'

const launcher = () => new FakeLauncher(planOfTask)

const tasks = (count: number) =>
  Array.from({ length: count }, (_, n) => planned({ stdout: `task ${n}`, ...(n % 3 === 0 && { durationMs: n % 7 }) }))

it.each<Fsync>(['always', 'interval', 'never'])(
  'a result is in the file before onResult and before who iterates has it (%s)',
  async (fsync) => {
    const path = newPath()
    await using journal = await Journal.open(path, { fsync })
    const heard: number[] = []
    const isThere = (result: Result) =>
      recordsSoFar(path).some((record) => record.type === 'result' && record.index === result.index)
    const onResult = (result: Result) => {
      expect(isThere(result)).toBe(true)
      expect(heard).not.toContain(result.index)
    }
    for await (const result of dispatch(tasks(30), { concurrency: 4, launcher: launcher(), journal, onResult })) {
      expect(recordsSoFar(path)).toContainEqual(result)
      heard.push(result.index)
    }
    expect(heard).toHaveLength(30)
    expect(resultsIn(path)).toHaveLength(30)
  },
)

it('a result is in the file before a Dispatcher tells of it', async () => {
  const path = newPath()
  await using journal = await Journal.open(path)
  const dispatcher = new Dispatcher({ concurrency: 2, launcher: launcher(), journal })
  const seen: boolean[] = []
  const look = (result: Result) =>
    seen.push(recordsSoFar(path).some((record) => record.type === 'result' && record.index === result.index))
  dispatcher.on('result', look)
  for (const task of tasks(10)) void dispatcher.add(task).then(look)
  await dispatcher.close()
  expect(seen).toEqual(Array(20).fill(true))
})

it('attempts are there as such, before onAttempt hears of them and before the next one starts', async () => {
  const path = newPath()
  await using journal = await Journal.open(path)
  const children = launcher()
  const started: number[] = []
  children.onStart = () => started.push(recordsIn(path).filter(({ type }) => type === 'attempt').length)
  const onAttempt = (attempt: Attempt) => expect(recordsIn(path).at(-1)).toEqual(attempt)
  const task = planned({ exitCode: 3 }, { retries: 2 })
  const [result] = await all(dispatch([task], { launcher: children, backoffMs: 0, journal, onAttempt }))
  expect(started).toEqual([0, 1, 2])
  const records = recordsIn(path)
  expect(records.map(({ type }) => type)).toEqual(['run', 'attempt', 'attempt', 'result'])
  expect(records.slice(1)).toMatchObject([1, 2, 3].map((attempt) => ({ attempt, attempts: 3, state: 'failed' })))
  expect(records.at(-1)).toEqual(result)
})

it('each run has a head, which says what was run, by whom and in which form it is written', async () => {
  const path = newPath()
  for (const command of [['drover', 'run', 'a b'], undefined]) {
    await using journal = await Journal.open(path, { ...(command && { command }) })
    await dispatch(['a'], {
      launcher: new FakeLauncher(() => ({})),
      journal,
      run: command ? 'first' : 'second',
    }).summary()
  }
  const records = recordsIn(path)
  expect(records.map(({ type, run }) => `${type} ${run}`)).toEqual([
    'run first',
    'result first',
    'run second',
    'result second',
  ])
  const head = { version: 1, pid: process.pid, host: hostname(), cwd: process.cwd() }
  expect(records[0]).toEqual({
    type: 'run',
    run: 'first',
    ...head,
    startedAt: expect.any(String),
    command: ['drover', 'run', 'a b'],
  })
  expect(records[2]).toMatchObject({ ...head, command: [] })
  expect(new Date((records[0] as { startedAt: string }).startedAt).toISOString()).toBe(
    (records[0] as { startedAt: string }).startedAt,
  )
})

it('a run without tasks leaves its head', async () => {
  const path = newPath()
  await using journal = await Journal.open(path)
  await dispatch([], { launcher: launcher(), journal }).summary()
  await journal.close()
  expect(recordsIn(path).map(({ type }) => type)).toEqual(['run'])
})

it('every task has its final result, those that were skipped, cancelled or invalid too', async () => {
  const path = newPath()
  await using journal = await Journal.open(path)
  const list = [planned({ exitCode: 1, durationMs: 5 }), planned({ durationMs: 1e6 }), named('never'), { command: 5 }]
  const run = dispatch(list as never, { concurrency: 2, launcher: launcher(), journal, halt: 'now,fail=1' })
  const results = await all(run)
  expect(results.map(({ state }) => state).sort()).toEqual(['cancelled', 'failed', 'invalid', 'skipped'])
  expect(resultsIn(path)).toEqual(results)
})

it('output that is no text, and of megabytes, is there as it is in the result', async () => {
  const path = newPath()
  await using journal = await Journal.open(path)
  const lines = ["printf '\\377\\000a'", 'head -c 3000000 /dev/zero; printf é >&2']
  const results = await all(dispatch(lines, { concurrency: 1, journal, encoding: 'utf8' }))
  expect(resultsIn(path)).toEqual(results)
  expect(resultsIn(path)[0]).toMatchObject({ stdout: '\ufffd\0a', stdoutBase64: '/wBh' })
})

it('the file is for its owner alone; the mode of one that is there stays', async () => {
  const [path, other] = [newPath(), newPath()]
  await (await Journal.open(path)).close()
  expect(statSync(path).mode & 0o777).toBe(0o600)
  writeFileSync(other, '', { mode: 0o644 })
  await (await Journal.open(other)).close()
  expect(statSync(other).mode & 0o777).toBe(0o644)
})

it('findings tell what was cut off and what is damaged', async () => {
  const path = newPath()
  {
    await using journal = await Journal.open(path)
    expect(journal.findings).toEqual({ cutBytes: 0, damagedLines: 0 })
    await dispatch(['a', 'b'], { launcher: new FakeLauncher(() => ({})), journal }).summary()
  }
  const whole = readFileSync(path, 'utf8')
  const head = whole.slice(0, whole.indexOf('\n') + 1)
  writeFileSync(path, `${head}\0\0\0\n\n{"type":"result","run"\n${whole.slice(head.length)}{"type":"res`)
  {
    await using journal = await Journal.open(path, { resume: true })
    expect(journal.findings).toEqual({ cutBytes: 12, damagedLines: 2 })
    expect(journal.size).toBe(2)
  }
  await using journal = await Journal.open(path)
  expect(journal.findings).toEqual({ cutBytes: 0, damagedLines: 0 })
  expect(journal.size).toBe(0)
})

it.each<[string, unknown, unknown, RegExp]>([
  ['an empty path', '', {}, /expected the path of a file/],
  ['a path with a NUL', 'a\0b', {}, /expected the path of a file/],
  ['no path', undefined, {}, /expected the path of a file/],
  ['another word for fsync', 'x', { fsync: 'often' }, /fsync.*always, interval/],
  ['a word for resume', 'x', { resume: 'yes' }, /resume: expected true or false/],
  ['a number for retryFailed', 'x', { retryFailed: 1 }, /retryFailed: expected true or false/],
  ['an option that there is not', 'x', { resum: true }, /resum/],
  ['a launcher that there is not', 'x', { launcher: 'fast' }, /there is no launcher "fast"/],
])('%s is refused', async (_what, path, options, message) => {
  const opening = Journal.open(path as string, options as JournalOptions)
  await expect(opening).rejects.toThrow(OptionError)
  await expect(opening).rejects.toThrow(message)
})

it('what is no journal is refused by dispatch() and Dispatcher', () => {
  for (const journal of [null, {}, 'night.jsonl', { commit: true }]) {
    expect(() => new Dispatcher({ journal: journal as never })).toThrow(OptionError)
    expect(() => dispatch([], { journal: journal as never })).toThrow(OptionError)
  }
})

it.each([
  ['a directory', '.', /is a directory/],
  ['a device', '/dev/null', /is no ordinary file/],
  ['a directory that is not there', '/nonexistent/night.jsonl', /its directory does not exist/],
  ['a path through a file', '/etc/passwd/night.jsonl', /no directory/],
])('%s cannot be a journal', async (_what, path, message) => {
  const opening = Journal.open(path)
  await expect(opening).rejects.toMatchObject({ name: 'JournalError', code: 'ERR_DROVER_JOURNAL', path })
  await expect(opening).rejects.toThrow(message)
})
