import { describe, expect, it } from 'vitest'
import { ClosedError, Dispatcher, type Result } from '../../src/index.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { finish, named, planned, planOfTask, settle, startedIn } from '../helpers/fake-tasks.js'

const planning = () => new FakeLauncher(planOfTask)

describe('Dispatcher', () => {
  it('runs commands and keeps their results', async () => {
    const dispatcher = new Dispatcher({ concurrency: 2, keepFinished: true })
    const first = dispatcher.add({ command: 'echo', args: ['a'] })
    void dispatcher.add('echo b; exit 3')
    const summary = await dispatcher.dispatch()
    expect(await first).toMatchObject({ state: 'succeeded', stdout: 'a\n', index: 0, run: dispatcher.run })
    expect(dispatcher.finished.map(({ stdout }) => stdout).sort()).toEqual(['a\n', 'b\n'])
    expect(summary).toMatchObject({ run: dispatcher.run, total: 2, failures: 1, halted: null })
    expect(summary.byState).toMatchObject({ succeeded: 1, failed: 1, skipped: 0 })
    expect(summary.durationMs).toBeGreaterThan(0)
  })

  it('loses nothing of many quick commands', async () => {
    const dispatcher = new Dispatcher({ concurrency: 8 })
    const results = await Promise.all(Array.from({ length: 300 }, (_, n) => dispatcher.add(`echo ${n}; exit ${n % 7}`)))
    expect(results.map(({ stdout, exitCode }) => [stdout, exitCode])).toEqual(
      Array.from({ length: 300 }, (_, n) => [`${n}\n`, n % 7]),
    )
    expect(await dispatcher.dispatch()).toMatchObject({ total: 300, failures: 257 })
  })

  it('does not keep results unless told to', async () => {
    const dispatcher = new Dispatcher({ launcher: planning() })
    void dispatcher.add(planned({}))
    await dispatcher.dispatch()
    expect(dispatcher.finished).toEqual([])
  })

  it('is done at once when nothing was added', async () => {
    expect(await new Dispatcher({ launcher: planning() }).dispatch()).toMatchObject({ total: 0, failures: 0 })
  })

  it('tells how far it is with each result', async () => {
    const told: [number | null, number, number | null][] = []
    const dispatcher = new Dispatcher({
      concurrency: 1,
      launcher: planning(),
      onResult: ({ index }, { completed, total }) => void told.push([index, completed, total]),
    })
    for (let n = 0; n < 3; n++) void dispatcher.add(planned({}))
    await dispatcher.dispatch()
    expect(told).toEqual([
      [0, 1, 3],
      [1, 2, 3],
      [2, 3, 3],
    ])
  })

  it('tells of starts, attempts, results and of being idle', async () => {
    const events: string[] = []
    const dispatcher = new Dispatcher({ concurrency: 1, launcher: planning(), retries: 1, backoffMs: 0 })
    dispatcher.on('start', ({ name }, { index, attempt, slot }) =>
      events.push(`start ${name} ${index} ${attempt} ${slot}`),
    )
    dispatcher.on('attempt', ({ state, attempt }) => events.push(`attempt ${state} ${attempt}`))
    dispatcher.on('result', ({ state, attempt }) => events.push(`result ${state} ${attempt}`))
    dispatcher.on('idle', () => events.push('idle'))
    void dispatcher.add(planned({ exitCode: 1 }, { name: 'a' }))
    await dispatcher.dispatch()
    expect(events).toEqual(['start a 0 1 1', 'attempt failed 1', 'start a 0 2 1', 'result failed 2', 'idle'])
  })

  it('takes tasks from within its callbacks and events', async () => {
    const launcher = planning()
    const results: number[] = []
    const left = { result: 3, onResult: 3, start: 3 }
    const addOne = (from: keyof typeof left) => {
      if (left[from]-- > 0) void dispatcher.add(planned({}))
    }
    const dispatcher: Dispatcher = new Dispatcher({ concurrency: 2, launcher, onResult: () => addOne('onResult') })
    dispatcher.on('start', () => addOne('start'))
    dispatcher.on('result', ({ index }) => {
      results.push(index)
      addOne('result')
    })
    void dispatcher.add(planned({}))
    expect((await dispatcher.dispatch()).total).toBe(10)
    expect(results.sort((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, n) => n))
    expect(launcher.mostRunning).toBe(2)
  })

  it('waits in dispatch() for what is added meanwhile', async () => {
    const dispatcher = new Dispatcher({ concurrency: 1, launcher: planning(), keepFinished: true })
    void dispatcher.add(planned({ durationMs: 20 }))
    const done = dispatcher.dispatch()
    await settle()
    void dispatcher.add(planned({ durationMs: 20 }))
    await done
    expect(dispatcher.finished).toHaveLength(2)
  })

  it('waits for a task that is added when the one before it is done', async () => {
    const dispatcher = new Dispatcher({ concurrency: 1, keepFinished: true })
    const first = dispatcher.add('echo a')
    const done = dispatcher.dispatch()
    await first
    const second = dispatcher.add('sleep 0.3; echo b')
    await done
    expect(dispatcher.finished.map(({ state, stdout }) => [state, stdout])).toEqual([
      ['succeeded', 'a\n'],
      ['succeeded', 'b\n'],
    ])
    expect((await second).state).toBe('succeeded')
  })

  it('does not harm what is added when it has become idle', async () => {
    const dispatcher = new Dispatcher({ concurrency: 2 })
    const late: Promise<Result>[] = []
    dispatcher.on('idle', () => {
      if (late.length < 3) late.push(dispatcher.add(`sleep 0.2; echo ${late.length}`))
    })
    void dispatcher.add('true')
    await dispatcher.dispatch()
    await dispatcher.dispatch()
    expect((await Promise.all(late)).map(({ state, stdout }) => [state, stdout])).toEqual([
      ['succeeded', '0\n'],
      ['succeeded', '1\n'],
      ['succeeded', '2\n'],
    ])
  })

  it('can be used again after dispatch()', async () => {
    const dispatcher = new Dispatcher({ launcher: planning(), keepFinished: true })
    for (let round = 1; round <= 3; round++) {
      void dispatcher.add(planned({}))
      expect(await dispatcher.dispatch()).toMatchObject({ total: round })
    }
    expect(dispatcher.finished.map(({ index }) => index)).toEqual([0, 1, 2])
  })

  it('takes nothing more after close(), and finishes what it has', async () => {
    const launcher = new FakeLauncher()
    const dispatcher = new Dispatcher({ concurrency: 1, launcher, keepFinished: true })
    void dispatcher.add(named('a'))
    void dispatcher.add(named('b'))
    const closed = dispatcher.close()
    expect(() => dispatcher.add(named('c'))).toThrow(ClosedError)
    finish(launcher, 'a')
    await settle()
    finish(launcher, 'b')
    await closed
    await dispatcher.close()
    expect(startedIn(launcher)).toEqual(['a', 'b'])
    expect(dispatcher.finished.map(({ state }) => state)).toEqual(['succeeded', 'succeeded'])
  })

  it('ends what runs and skips what waits on destroy()', async () => {
    const launcher = new FakeLauncher(() => ({ durationMs: 1_000_000 }))
    const dispatcher = new Dispatcher({ concurrency: 1, launcher, keepFinished: true })
    const promises = [dispatcher.add(named('a')), dispatcher.add(named('b'))]
    await settle()
    await dispatcher.destroy()
    expect(() => dispatcher.add(named('c'))).toThrow(ClosedError)
    expect((await Promise.all(promises)).map(({ state, error }) => [state, error?.code])).toEqual([
      ['cancelled', 'ERR_DROVER_ENDED'],
      ['skipped', 'ERR_DROVER_ENDED'],
    ])
    expect(launcher.running).toBe(0)
    await dispatcher.destroy()
    await dispatcher.close()
  })

  it('is closed where it goes out of scope', async () => {
    const results: string[] = []
    {
      await using dispatcher = new Dispatcher({ launcher: planning() })
      dispatcher.on('result', ({ state }) => results.push(state))
      void dispatcher.add(planned({ durationMs: 20 }))
    }
    expect(results).toEqual(['succeeded'])
  })

  it('gives results keys when told to, and otherwise none', async () => {
    const launcher = planning()
    const dispatcher = new Dispatcher({ launcher, keys: true })
    const twice = await Promise.all([dispatcher.add(planned({})), dispatcher.add(planned({}))])
    expect(twice[0].key).toMatch(/^[0-9a-f]{32}$/)
    expect(twice[1].key).toBe(`${twice[0].key}-1`)
    expect((await new Dispatcher({ launcher }).add(planned({}))).key).toBeNull()
  })

  it('hands ids and meta through, and takes a run id', async () => {
    const dispatcher = new Dispatcher({ launcher: planning(), run: 'my-run' })
    const result = await dispatcher.add(planned({}, { id: 'x', meta: { a: [1] } }))
    expect(result).toMatchObject({ id: 'x', meta: { a: [1] }, run: 'my-run', attempt: 1, attempts: 1 })
    expect(() => new Dispatcher({ run: 'a b' })).toThrow(/run/)
    expect(new Dispatcher().run).not.toBe(new Dispatcher().run)
  })

  it('tells how long a task waited', async () => {
    const dispatcher = new Dispatcher({ concurrency: 1, launcher: planning() })
    const [first, second] = await Promise.all([
      dispatcher.add(planned({ durationMs: 60 })),
      dispatcher.add(planned({})),
    ])
    expect(first.queuedMs).toBeLessThan(second.queuedMs)
    expect(second.queuedMs).toBeGreaterThanOrEqual(55)
    expect(first.durationMs).toBeGreaterThanOrEqual(55)
  })
})
