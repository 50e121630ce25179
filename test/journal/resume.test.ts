import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import type { Summary } from '../../src/dispatch/progress.js'
import { Journal, type JournalOptions } from '../../src/journal/journal.js'
import { isConclusive, type Result } from '../../src/task/result.js'
import type { InvalidTask, Task } from '../../src/task/task.js'
import { FakeLauncher, type FakePlan } from '../helpers/fake-launcher.js'
import { named, nameOf } from '../helpers/fake-tasks.js'
import { newPath, recordsIn, resultsIn } from './support.js'

type Plans = Readonly<Record<string, FakePlan>>

interface Run {
  /** What was started, in order. */
  readonly started: string[]
  readonly results: Result[]
  readonly summary: Summary
}

/** Runs tasks one after the other; what they do goes by their command. */
async function run(
  path: string,
  tasks: readonly (Task | InvalidTask)[],
  options: JournalOptions = {},
  plans: Plans = {},
): Promise<Run> {
  await using journal = await Journal.open(path, options)
  const launcher = new FakeLauncher((child) => plans[nameOf(child)] ?? {})
  const results: Result[] = []
  const going = dispatch(tasks, { concurrency: 1, launcher, journal })
  for await (const result of going) results.push(result)
  return { started: launcher.children.map(nameOf), results, summary: await going.summary() }
}

const RESUME = { resume: true }
const list = (names: string) => [...names].map((name) => named(name))

describe('what is run again', () => {
  const PLANS: Plans = { f: { exitCode: 1 }, l: { lost: true }, k: { signal: 'SIGKILL' }, e: { spawnError: 'ENOENT' } }

  it('with resume: only what has no conclusive result', async () => {
    const path = newPath()
    await run(path, list('sflke'), {}, PLANS)
    expect(resultsIn(path).map(({ state }) => state)).toEqual(['succeeded', 'failed', 'lost', 'killed', 'spawn-failed'])
    const again = await run(path, list('sflkex'), RESUME, PLANS)
    expect(again.started).toEqual(['l', 'x'])
    expect(again.summary).toMatchObject({ total: 2, alreadyDone: 4, alreadyFailed: 3, complete: true })
    expect(again.results.map(({ index }) => index)).toEqual([2, 5])
  })

  it('with retryFailed: all that has not succeeded', async () => {
    const path = newPath()
    await run(path, list('sflke'), {}, PLANS)
    const again = await run(path, list('sflke'), { retryFailed: true }, { l: { exitCode: 1 } })
    expect(again.started).toEqual(['f', 'l', 'k', 'e'])
    expect(again.summary).toMatchObject({ total: 4, alreadyDone: 1, alreadyFailed: 0 })
    expect((await run(path, list('sflke'), { retryFailed: true })).started).toEqual(['l'])
  })

  it('without either: everything, and the newest result decides from then on', async () => {
    const path = newPath()
    await run(path, list('ab'))
    expect((await run(path, list('ab'), {}, { a: { lost: true } })).started).toEqual(['a', 'b'])
    expect((await run(path, list('ab'), RESUME)).started).toEqual(['a'])
    expect((await run(path, list('ab'), RESUME)).started).toEqual([])
  })

  it('what a halt left over', async () => {
    const path = newPath()
    const { started } = await (async () => {
      await using journal = await Journal.open(path)
      const launcher = new FakeLauncher((child) => (nameOf(child) === 'b' ? { exitCode: 1 } : {}))
      await dispatch(list('abcd'), { concurrency: 1, launcher, journal, halt: 'soon,fail=1' }).summary()
      return { started: launcher.children.map(nameOf) }
    })()
    expect(started).toEqual(['a', 'b'])
    expect((await run(path, list('abcd'), RESUME)).started).toEqual(['c', 'd'])
  })

  it('an attempt decides nothing', async () => {
    const path = newPath()
    {
      await using journal = await Journal.open(path)
      const launcher = new FakeLauncher(() => ({ exitCode: 1 }))
      const going = dispatch([named('a', { retries: 5 })], { launcher, journal, backoffMs: 1e9 })
      const done = going.summary()
      launcher.onEnd = () => setImmediate(() => going.halt('now'))
      await done
    }
    expect(recordsIn(path).map(({ type }) => type)).toEqual(['run', 'attempt', 'result'])
    expect(resultsIn(path)[0]).toMatchObject({ state: 'cancelled' })
    expect((await run(path, [named('a', { retries: 5 })], RESUME)).started).toEqual(['a'])
  })

  it('onAlreadyDone hears of those that are not, in their order; what it throws ends the run', async () => {
    const path = newPath()
    await run(path, list('sf'), {}, PLANS)
    await using journal = await Journal.open(path, RESUME)
    const heard: unknown[] = []
    const launcher = new FakeLauncher(() => ({}))
    const onAlreadyDone = (task: Task, info: object) => heard.push([task.command, info]) as never
    await dispatch(list('xsyf'), { launcher, journal, onAlreadyDone }).summary()
    expect(heard).toEqual([
      ['s', { index: 1, state: 'succeeded' }],
      ['f', { index: 3, state: 'failed' }],
    ])
    for (const failing of [
      () => Promise.reject(new Error('no')),
      () => {
        throw new Error('no')
      },
    ]) {
      const run = dispatch(list('sz'), { launcher, journal, onAlreadyDone: failing as never })
      await expect(run.summary()).rejects.toThrow('no')
    }
  })

  it('tasks that are done add no record', async () => {
    const path = newPath()
    await run(path, list('abc'))
    const before = readFileSync(path, 'utf8')
    await run(path, list('cba'), RESUME)
    const added = readFileSync(path, 'utf8').slice(before.length)
    expect(readFileSync(path, 'utf8').startsWith(before)).toBe(true)
    expect(added.split('\n')).toHaveLength(2)
    expect(JSON.parse(added)).toMatchObject({ type: 'run' })
  })
})

describe('a task is known by what it runs', () => {
  it.each<[string, Partial<Task>]>([
    ['args', { args: ['y'] }],
    ['no args', { args: undefined as never }],
    ['cwd', { cwd: '/tmp' }],
    ['stdin', { stdin: 'y' }],
    ['env', { env: { X: '2' } }],
    ['an id', { id: 'mine' }],
  ])('and runs again with other %s', async (_what, more) => {
    const path = newPath()
    const task = named('a', { args: ['x'], stdin: 'x', env: { X: '1' } })
    await run(path, [task])
    expect((await run(path, [{ ...task }], RESUME)).started).toEqual([])
    const changed = Object.fromEntries(Object.entries({ ...task, ...more }).filter(([, value]) => value !== undefined))
    expect((await run(path, [changed as unknown as Task], RESUME)).started).toHaveLength(1)
  })

  it('and not by how it is run, nor by the order in which things are said', async () => {
    const path = newPath()
    await run(path, [named('a', { env: { X: '1', Y: '2' } })])
    const same = named('a', {
      env: { Y: '2', X: '1' },
      timeoutMs: 5,
      retries: 3,
      priority: 9,
      weight: 2,
      meta: { n: 1 },
    })
    expect((await run(path, [same], RESUME)).started).toEqual([])
  })

  it('so that any edit of a list runs exactly what is new or was not done', async () => {
    // c is lost whenever it is run, and f fails.
    const plans: Plans = { c: { lost: true }, f: { exitCode: 1 } }
    const names = fc.array(fc.constantFrom('a', 'b', 'c', 'f'), { maxLength: 8 })
    const step = fc.record({ names, retryFailed: fc.boolean() })
    const count = (items: readonly string[]) => {
      const counts = new Map<string, number>()
      for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
      return counts
    }
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 4 }), async (steps) => {
        const path = newPath()
        const done = new Map<string, number>()
        for (const { names, retryFailed } of steps) {
          const options = retryFailed ? { retryFailed } : RESUME
          const { started } = await run(path, list(names.join('')), options, plans)
          const expected = new Map<string, number>()
          for (const [name, times] of count(names)) {
            const stays = name !== 'c' && !(retryFailed && name === 'f')
            const runs = times - (stays ? Math.min(times, done.get(name) ?? 0) : 0)
            if (runs > 0) expected.set(name, runs)
            done.set(name, Math.max(done.get(name) ?? 0, times))
          }
          expect(new Map([...count(started)].sort())).toEqual(new Map([...expected].sort()))
        }
        expect(resultsIn(path).every(({ state }) => isConclusive(state) || state === 'lost')).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('an explicit id is known wherever it comes', async () => {
    const path = newPath()
    const task = (id: string) => named(`run ${id}`, { id })
    await run(path, ['a', 'b', 'c'].map(task))
    expect((await run(path, ['c', 'new', 'a'].map(task), RESUME)).started).toEqual(['run new'])
  })

  it('input that was bad is told again, and keeps nothing from being run', async () => {
    const path = newPath()
    const bad = { id: 'a', invalid: { code: 'ERR_DROVER_INPUT', message: 'no task' } }
    await run(path, [bad])
    expect((await run(path, [bad, named('b')], RESUME)).results.map(({ state }) => state)).toEqual([
      'invalid',
      'succeeded',
    ])
    expect((await run(path, [named('good', { id: 'a' })], RESUME)).started).toEqual(['good'])
  })
})

describe('another task under a known id', () => {
  const before = named('old', { id: 'job' })
  const after = named('new', { id: 'job' })

  it('is invalid and says so, each time, and the others run', async () => {
    const path = newPath()
    await run(path, [before])
    for (const other of ['x', 'y']) {
      const { started, results } = await run(path, [after, named(other)], RESUME)
      expect(started).toEqual([other])
      expect(results[0]).toMatchObject({
        id: 'job',
        state: 'invalid',
        error: {
          code: 'ERR_DROVER_TASK_CHANGED',
          message: `the task "job" runs something else in ${path}; give it a new id, or run it again with --accept-changes`,
        },
      })
    }
    expect((await run(path, [before], RESUME)).started).toEqual([])
  })

  it('is run where that was asked for, and is what is known from then on', async () => {
    const path = newPath()
    await run(path, [before])
    expect((await run(path, [after], { ...RESUME, acceptChanges: true })).started).toEqual(['new'])
    expect((await run(path, [after], RESUME)).started).toEqual([])
    expect((await run(path, [after], { ...RESUME, acceptChanges: true })).started).toEqual([])
    expect((await run(path, [before], RESUME)).results[0]).toMatchObject({ state: 'invalid' })
  })

  it('is told also where the old one had failed, and with retryFailed', async () => {
    const path = newPath()
    await run(path, [before], {}, { old: { exitCode: 1 } })
    for (const options of [RESUME, { retryFailed: true }])
      expect((await run(path, [after], options)).results[0]).toMatchObject({ state: 'invalid' })
    expect((await run(path, [after], { retryFailed: true, acceptChanges: true })).started).toEqual(['new'])
  })

  it('is run without a word where nothing is resumed', async () => {
    const path = newPath()
    await run(path, [before])
    expect((await run(path, [after])).started).toEqual(['new'])
  })

  it('problemOf() tells of it beforehand', async () => {
    const path = newPath()
    await run(path, [before, named('plain')])
    await using journal = await Journal.open(path, RESUME)
    expect(journal.problemOf(after)).toMatch(/"job" runs something else/)
    for (const task of [before, named('plain'), named('other'), named('new', { id: 'another' })])
      expect(journal.problemOf(task)).toBeNull()
    await journal.close()
    for (const options of [{}, { ...RESUME, acceptChanges: true }]) {
      await using other = await Journal.open(path, options)
      expect(other.problemOf(after)).toBeNull()
    }
  })
})
