import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { ResultJournal } from '../../src/dispatch/result-journal.js'
import { type AddedTask, Dispatcher, dispatch, type Result, type Task } from '../../src/index.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { childOf, finish, named, planned, planOfTask, settle, startedIn } from '../helpers/fake-tasks.js'
import { elapse, inFakeTime, unhandledDuring } from '../helpers/fake-time.js'
import { until } from '../helpers/until.js'

const REASON = { code: 'ERR_TEST', message: 'ended by the test' }
const failure = new Error('the source is gone')
const allOf = async (run: AsyncIterable<Result>) => {
  const results: Result[] = []
  for await (const result of run) results.push(result)
  return results
}

describe('a task that is ended from within what it is told by', () => {
  it.each(['beforeStart', 'output'] as const)('of %s is not started', async (where) => {
    const launcher = new FakeLauncher(planOfTask)
    let added: AddedTask | null = null
    const end = (task: Task) => {
      if (task.id === 'a') added?.end(REASON)
    }
    const dispatcher = new Dispatcher({
      launcher,
      concurrency: 1,
      ...(where === 'beforeStart'
        ? {
            beforeStart: (task) => {
              end(task)
              return task
            },
          }
        : {
            output: (task) => {
              end(task)
              return { stdout: '/dev/null', stderr: '/dev/null' }
            },
          }),
    })
    void dispatcher.add(planned({ durationMs: 10 }))
    added = dispatcher.enter(planned({ durationMs: 10_000 }, { id: 'a' }))
    const after = dispatcher.add(planned({}))
    expect(await added.result).toMatchObject({ state: 'skipped', attempt: 0, error: REASON })
    expect(await after).toMatchObject({ state: 'succeeded' })
    expect(launcher.children).toHaveLength(2)
    expect(dispatcher.steering.tasks()).toEqual([])
  })

  it('of an attempt that was to be followed by another is recorded once, as its result', async () => {
    const launcher = new FakeLauncher(() => ({ exitCode: 3 }))
    const records: string[] = []
    const dispatcher = new Dispatcher({
      launcher,
      retries: 5,
      backoffMs: 0,
      onAttempt: ({ attempt }) => void records.push(`attempt ${attempt}`),
      onResult: ({ state, attempt }) => void records.push(`${state} ${attempt}`),
    })
    const added = dispatcher.enter(named('a'))
    dispatcher.on('attempt', ({ attempt }) => {
      if (attempt === 2) added.end(REASON)
    })
    expect(await added.result).toMatchObject({ state: 'cancelled', attempt: 2, exitCode: 3, error: REASON })
    await dispatcher.dispatch()
    expect(records).toEqual(['attempt 1', 'cancelled 2'])
  })

  it('while an attempt of it is being recorded is not started again once that is done', async () => {
    const launcher = new FakeLauncher(() => ({ exitCode: 3 }))
    let recorded!: () => void
    const results: Result[] = []
    const dispatcher = new Dispatcher({
      launcher,
      retries: 5,
      backoffMs: 0,
      onAttempt: () => new Promise<void>((resolve) => (recorded = resolve)),
      onResult: (result) => void results.push(result),
    })
    const added = dispatcher.enter(named('a'))
    await until('its attempt is being recorded', () => recorded !== undefined)
    added.end(REASON)
    recorded()
    await dispatcher.dispatch()
    await elapse(5)
    expect(launcher.children).toHaveLength(1)
    expect(results).toMatchObject([{ state: 'cancelled', attempt: 1, exitCode: 3, error: REASON }])
  })
})

describe('a source', () => {
  const broken = {
    [Symbol.asyncIterator](): AsyncIterator<Task> {
      throw failure
    },
  }

  it('that cannot even be begun ends the run as one that fails later', async () => {
    const run = dispatch(broken, { launcher: new FakeLauncher() })
    await expect(run.summary()).rejects.toBe(failure)
    await expect(run.summary()).rejects.toBe(failure)
    await expect(allOf(dispatch(broken, { launcher: new FakeLauncher() }))).rejects.toBe(failure)
  })

  it.each<[string, unknown]>([
    ['no step', undefined],
    [
      'a task that cannot be looked at',
      {
        done: false,
        value: {
          get command() {
            throw failure
          },
        },
      },
    ],
  ])('that gives %s fails, and what ran before has its result', async (_, step) => {
    const launcher = new FakeLauncher(planOfTask)
    const steps = [{ done: false, value: planned({ durationMs: 5 }) }, step]
    const source = { next: async () => steps.shift(), [Symbol.asyncIterator]: () => source }
    const read: Result[] = []
    const unhandled = await unhandledDuring(() =>
      expect(
        (async () => {
          for await (const result of dispatch(source as never, { launcher, concurrency: 3 })) read.push(result)
        })(),
      ).rejects.toThrow(),
    )
    expect(unhandled).toEqual([])
    expect(read.map(({ state }) => state)).toEqual(['succeeded'])
  })

  it('that never ends and is never quick is left at once by who leaves the results', async () => {
    const launcher = new FakeLauncher(planOfTask)
    let returned = 0
    let given = 0
    const source = {
      next: () => (given++ < 2 ? Promise.resolve({ done: false, value: planned({}) }) : new Promise<never>(() => {})),
      return: () => {
        returned += 1
        return new Promise<never>(() => {})
      },
      [Symbol.asyncIterator]: () => source,
    }
    const run = dispatch(source as never, { launcher, concurrency: 3 })
    for await (const result of run) {
      expect(result.state).toBe('succeeded')
      break
    }
    expect(returned).toBe(1)
    expect(await run.summary()).toMatchObject({ complete: false })
    expect(launcher.running).toBe(0)
  })
})

describe('what a run gives back', () => {
  it('is its place on a signal, also when the journal has ended before it', async () => {
    const abort = new AbortController()
    const ended = AbortSignal.abort(failure)
    const journal: ResultJournal = {
      begin() {},
      stateOf: () => null,
      commit: () => Promise.reject(failure),
      record: () => Promise.reject(failure),
      ended,
    }
    const run = dispatch([named('a')], { launcher: new FakeLauncher(), journal, signal: abort.signal })
    await expect(run.summary()).rejects.toBe(failure)
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
    expect(getEventListeners(ended, 'abort')).toEqual([])
  })
})

describe('a run that is suspended', () => {
  it('and goes on before all is stopped expects no silence any more', async () => {
    const launcher = new FakeLauncher(planOfTask)
    const expected: boolean[] = []
    Object.assign(launcher, { expectSilence: (silent: boolean) => expected.push(silent) })
    const dispatcher = new Dispatcher({ launcher })
    void dispatcher.add(planned({ durationMs: 20 }))
    await settle()
    const suspended = dispatcher.suspend()
    dispatcher.resume()
    await suspended
    await dispatcher.dispatch()
    expect(expected.at(-1) ?? false).toBe(false)
  })

  it('between two attempts starts the next one when it goes on', () =>
    inFakeTime(async () => {
      const launcher = new FakeLauncher(() => ({ exitCode: 1 }))
      const dispatcher = new Dispatcher({ launcher, retries: 1, backoffMs: 100 })
      const task = dispatcher.add(named('a'))
      await elapse(1)
      await dispatcher.suspend()
      await elapse(1_000)
      expect(startedIn(launcher)).toEqual(['a'])
      dispatcher.resume()
      expect(await task).toMatchObject({ state: 'failed', attempt: 2 })
      await dispatcher.close()
    }))
})

describe('a run elsewhere', () => {
  it('whose runner fails ends with its error, and does not wait for what cannot come', async () => {
    const runner = {
      run: () => ({ result: Promise.reject<Result>(failure), end() {}, hurry() {} }),
    }
    await expect(dispatch(['a', 'b', 'c'], { runner, concurrency: 2 }).summary()).rejects.toBe(failure)
  })

  it('whose runner cannot even begin a task ends with its error', async () => {
    const runner = {
      run: (): never => {
        throw failure
      },
    }
    await expect(dispatch(['a', 'b', 'c'], { runner, concurrency: 2 }).summary()).rejects.toBe(failure)
  })
})

describe('what the launcher tells late', () => {
  it('does not give a task a second result', async () => {
    const launcher = new FakeLauncher()
    const results: Result[] = []
    const dispatcher = new Dispatcher({ launcher, onResult: (result) => void results.push(result) })
    void dispatcher.add(named('a'))
    const child = childOf(launcher, 'a')
    const counts: ((count: number) => void)[] = []
    child.countTree = () => new Promise((resolve) => counts.push(resolve))
    child.spawn()
    child.exit({ groupAlive: true })
    const unhandled = await unhandledDuring(async () => {
      await until('it is looked whether it can be over', () => counts.length === 1)
      counts[0]!(0)
      await until('it is counted what it has left', () => counts.length === 2)
      child.loseOutput()
      counts[1]!(0)
      await dispatcher.dispatch()
    })
    expect(unhandled).toEqual([])
    expect(results.map(({ state }) => state)).toEqual(['lost'])
  })
})

describe('a shortage', () => {
  it('that was met by one alone does not keep the others few', () =>
    inFakeTime(async () => {
      const launcher: FakeLauncher = new FakeLauncher()
      const dispatcher = new Dispatcher({ launcher, concurrency: 4 })
      for (const name of ['a', 'b', 'c', 'd']) void dispatcher.add(named(name))
      childOf(launcher, 'b').failToStart('EAGAIN')
      childOf(launcher, 'c').failToStart('EAGAIN')
      childOf(launcher, 'd').failToStart('EAGAIN')
      await elapse(1)
      // One at a time, from now on; and now not even that.
      finish(launcher, 'a')
      await elapse(1)
      const second = launcher.children.at(-1)!
      second.failToStart('EAGAIN')
      await elapse(5_000)
      expect(launcher.running).toBe(3)
      for (const name of ['b', 'c', 'd']) finish(launcher, name)
      await dispatcher.close()
    }))
})

it('a run that is over cannot be paused, which would keep its program alive', async () => {
  const run = dispatch(['true'])
  await run.summary()
  run.steering.pause()
  expect(run.steering.paused).toBe(false)
})
