import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { dispatch, type Result, type Tasks } from '../../src/index.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { settle, startedIn } from '../helpers/fake-tasks.js'

const plain = () => new FakeLauncher(() => ({}))
const failure = new Error('the file broke off')
const read = async (run: AsyncIterable<Result>) => {
  const results: Result[] = []
  let error: unknown = null
  try {
    for await (const result of run) results.push(result)
  } catch (thrown) {
    error = thrown
  }
  return { results, error, states: results.map(({ state }) => state) }
}

describe('sources of tasks', () => {
  it.each<[string, () => Tasks]>([
    ['an array', () => ['a', 'b', 'c']],
    ['a set', () => new Set(['a', 'b', 'c'])],
    [
      'a generator',
      function* () {
        yield* ['a', 'b', 'c']
      },
    ],
    [
      'an async generator',
      async function* () {
        for (const task of ['a', 'b', 'c']) {
          await settle()
          yield task
        }
      },
    ],
    ['a stream', () => Readable.from(['a', 'b', 'c'])],
  ])('may be %s', async (_what, source) => {
    const { results, error } = await read(dispatch(source(), { concurrency: 2, launcher: plain() }))
    expect(error).toBeNull()
    expect(results.map(({ index, command }) => [index, command]).sort()).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
    ])
  })

  it('may be empty', async () => {
    for (const empty of [[], (async function* () {})()]) {
      const run = dispatch(empty, { launcher: plain() })
      expect(await read(run)).toMatchObject({ results: [], error: null })
      expect(await run.summary()).toMatchObject({ total: 0, failures: 0, halted: null })
      expect(run.progress()).toMatchObject({ total: 0, queued: 0, running: 0, done: 0 })
    }
  })

  it('may hold what is no task: an invalid result each, and the run goes on', async () => {
    const tasks = [
      'a',
      { id: 'x', command: '' },
      null,
      { invalid: { code: 'ERR_DROVER_INPUT', message: 'line 4' } },
      'b',
    ]
    const { results } = await read(dispatch(tasks as never, { concurrency: 1, launcher: plain() }))
    expect(results.map(({ index, state, id }) => [index, state, id])).toEqual([
      [0, 'succeeded', null],
      [1, 'invalid', 'x'],
      [2, 'invalid', null],
      [3, 'invalid', null],
      [4, 'succeeded', null],
    ])
    expect(results[1]!.error).toMatchObject({ code: 'ERR_DROVER_INPUT', message: expect.stringContaining('command') })
    expect(results[3]).toMatchObject({ command: null, error: { message: 'line 4' }, attempt: 0, startedAt: null })
  })

  it('may hold nothing but what is no task, more than fits in between', async () => {
    const tasks = Array.from({ length: 5_000 }, () => ({ command: '' }))
    const summary = await dispatch(tasks, { concurrency: 2, launcher: plain() }).summary()
    expect(summary).toMatchObject({ total: 5_000, failures: 5_000, byState: { invalid: 5_000 } })
    const { results } = await read(dispatch(tasks, { concurrency: 2, launcher: plain() }))
    expect(results.map(({ index }) => index)).toEqual(tasks.map((_, n) => n))
  })

  describe.each<[string, () => Tasks]>([
    [
      'a generator',
      function* () {
        yield 'a'
        yield 'b'
        throw failure
      },
    ],
    [
      'an async generator',
      async function* () {
        yield 'a'
        yield 'b'
        throw failure
      },
    ],
  ])('%s that throws midway', (_what, source) => {
    it('has what ran reported, and the error last', async () => {
      const launcher = plain()
      const { states, error } = await read(dispatch(source(), { concurrency: 1, launcher }))
      expect(states).toEqual(['succeeded', 'succeeded'])
      expect(error).toBe(failure)
      expect(startedIn(launcher).length).toBe(2)
    })

    it('makes the summary reject after all has ended', async () => {
      const launcher = plain()
      await expect(dispatch(source(), { concurrency: 1, launcher }).summary()).rejects.toBe(failure)
      expect(launcher.running).toBe(0)
      expect(launcher.children).toHaveLength(2)
    })
  })

  it('that throw at once run nothing', async () => {
    const source = {
      [Symbol.iterator]: () => ({
        next: (): never => {
          throw failure
        },
      }),
    }
    const launcher = plain()
    expect(await read(dispatch(source, { launcher }))).toMatchObject({ results: [], error: failure })
    expect(launcher.children).toEqual([])
  })

  it('that are slow hold nothing up', async () => {
    let release!: () => void
    const source = async function* () {
      yield 'a'
      await new Promise<void>((resolve) => (release = resolve))
      yield 'b'
    }
    const results = dispatch(source(), { concurrency: 4, launcher: plain() })[Symbol.asyncIterator]()
    expect((await results.next()).value).toMatchObject({ command: 'a', state: 'succeeded' })
    release()
    expect((await results.next()).value).toMatchObject({ command: 'b', state: 'succeeded' })
    expect((await results.next()).done).toBe(true)
  })

  it('that never answer do not hold up the end of a run that is stopped', async () => {
    const source = async function* () {
      yield 'a'
      await new Promise(() => {})
    }
    const controller = new AbortController()
    const run = dispatch(source(), { launcher: plain(), signal: controller.signal })
    const summary = run.summary()
    await settle()
    controller.abort()
    expect(await summary).toMatchObject({ total: 1, byState: { succeeded: 1 } })
  })

  it('are read to the end by a stopped run where that is asked for, or where they are an array', async () => {
    const source = function* () {
      yield* ['a', 'b', 'c', 'd']
    }
    const options = { concurrency: 1, halt: 'soon,fail=1' }
    const bad = () => new FakeLauncher(() => ({ exitCode: 1 }))
    const total = async (tasks: Tasks, more = {}) =>
      (await dispatch(tasks, { ...options, ...more, launcher: bad() }).summary()).total
    expect(await total(source())).toBe(1)
    expect(await total([...source()])).toBe(4)
    expect(await total(source(), { readRest: true })).toBe(4)
    expect(await total([...source()], { readRest: false })).toBe(1)
  })

  it('have a total where it is known', async () => {
    const source = function* () {
      yield* ['a', 'b', 'c']
    }
    const launcher = plain()
    const totals: (number | null)[] = []
    const options = {
      concurrency: 1,
      launcher,
      onResult: (_: Result, { total }: { total: number | null }) => void totals.push(total),
    }
    await dispatch(['a', 'b'], options).summary()
    expect(totals.splice(0)).toEqual([2, 2])
    await dispatch(source(), { ...options, total: 3 }).summary()
    expect(totals.splice(0)).toEqual([3, 3, 3])
    await dispatch(source(), options).summary()
    expect(totals[0]).toBeNull()
    expect(dispatch(source(), { total: 7 }).progress().total).toBe(7)
  })

  it.each<[string, () => Tasks]>([
    ['an array', () => Array(20_000).fill('true')],
    [
      'an async generator',
      async function* () {
        for (let n = 0; n < 20_000; n++) yield 'true'
      },
    ],
  ])('of which most are only passed over let others have their turn meanwhile (%s)', async (_what, source) => {
    const run = dispatch(source(), { launcher: plain(), concurrency: 2, readRest: true })
    let [count, turns] = [0, 0]
    let isOver = false
    const look = () => {
      if (count > 0) turns += 1
      if (!isOver) setImmediate(look)
    }
    setImmediate(look)
    for await (const { state } of run) {
      count += 1
      if (state === 'succeeded') run.halt('now')
    }
    isOver = true
    expect(count).toBe(20_000)
    expect(turns).toBeGreaterThan(20)
  })
})
