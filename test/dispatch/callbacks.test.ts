import { describe, expect, it } from 'vitest'
import { Dispatcher, type DispatcherOptions, dispatch, type Result } from '../../src/index.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { finish, named, planned, planOfTask, settle, startedIn } from '../helpers/fake-tasks.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'

const failure = new Error('the disk is full')
const all = async (run: AsyncIterable<Result>) => {
  const results: Result[] = []
  for await (const result of run) results.push(result)
  return results
}

describe('onResult', () => {
  it('is awaited before anybody hears of the result', async () => {
    const launcher = new FakeLauncher()
    let commit!: () => void
    const heard: string[] = []
    const dispatcher = new Dispatcher({
      launcher,
      keepFinished: true,
      onResult: () => new Promise<void>((resolve) => (commit = resolve)),
    })
    dispatcher.on('result', () => heard.push('event'))
    void dispatcher.add(named('a')).then(() => heard.push('promise'))
    const done = dispatcher.dispatch().then(() => heard.push('dispatch'))
    finish(launcher, 'a')
    await settle()
    expect(heard).toEqual([])
    expect(dispatcher.finished).toEqual([])
    commit()
    await done
    expect(heard).toContain('event')
    expect(heard).toContain('promise')
    expect(heard.at(-1)).toBe('dispatch')
    expect(dispatcher.finished).toHaveLength(1)
  })

  it('is awaited before the result is given to the one who iterates', async () => {
    const order: string[] = []
    const launcher = new FakeLauncher(planOfTask)
    const onResult = async ({ index }: Result) => {
      await new Promise((resolve) => setTimeout(resolve, 10))
      order.push(`committed ${index}`)
    }
    for await (const { index } of dispatch([planned({}), planned({})], { concurrency: 1, launcher, onResult })) {
      order.push(`read ${index}`)
    }
    expect(order).toEqual(['committed 0', 'read 0', 'committed 1', 'read 1'])
  })

  it('holds back starts while as many as there are slots wait to be committed', async () => {
    const launcher = new FakeLauncher(planOfTask)
    const commits: (() => void)[] = []
    const run = dispatch(
      Array.from({ length: 20 }, () => planned({})),
      { concurrency: 3, launcher, onResult: () => new Promise((resolve) => commits.push(resolve)) },
    )
    const summary = run.summary()
    await until('nothing moves any more', async () => {
      await settle()
      return launcher.running === 0
    })
    expect(commits.length).toBeGreaterThanOrEqual(3)
    expect(launcher.children.length).toBeLessThanOrEqual(6)
    for (let released = 0; released < 20; released++) {
      await until('the next waits', () => commits.length > released)
      commits[released]!()
    }
    expect((await summary).total).toBe(20)
  })

  it.each<[string, DispatcherOptions['onResult']]>([
    [
      'throws',
      () => {
        throw failure
      },
    ],
    ['rejects', () => Promise.reject(failure)],
  ])('ends the run when it %s: what runs is ended, nothing more starts', async (how, onResult) => {
    const launcher = new FakeLauncher(planOfTask)
    const dispatcher = new Dispatcher({ concurrency: 2, launcher, onResult, keepFinished: true })
    const promises = [planned({}), planned({ durationMs: 1_000_000 }), planned({})].map((task) => dispatcher.add(task))
    await expect(dispatcher.dispatch()).rejects.toBe(failure)
    for (const promise of promises) await expect(promise).rejects.toBe(failure)
    // A rejection is heard of a moment later than what is thrown.
    expect(launcher.children.length).toBeLessThanOrEqual(how === 'throws' ? 2 : 3)
    expect(launcher.running).toBe(0)
    expect(dispatcher.finished).toEqual([])
    await expect(dispatcher.close()).rejects.toBe(failure)
    await dispatcher.destroy()
  })

  it('is not called again once it has failed', async () => {
    let calls = 0
    const launcher = new FakeLauncher(planOfTask)
    const onResult = () => {
      calls += 1
      throw failure
    }
    await expect(
      dispatch(['a', 'b', 'c', 'd'], { concurrency: 1, launcher: plain(), onResult }).summary(),
    ).rejects.toBe(failure)
    expect(calls).toBe(1)
    expect(launcher.children).toEqual([])
  })

  it('tells its failure to the one who iterates, last', async () => {
    const onResult = ({ index }: Result) => {
      if (index === 2) throw failure
    }
    const read: number[] = []
    const run = dispatch(['a', 'b', 'c', 'd'], { concurrency: 1, launcher: plain(), onResult })
    const reading = (async () => {
      for await (const { index } of run) read.push(index)
    })()
    await expect(reading).rejects.toBe(failure)
    expect(read).toEqual([0, 1])
  })

  it('may return what it likes', async () => {
    const results: Result[] = []
    const onResult = (result: Result) => results.push(result) as never
    await dispatch(['a', 'b'], { launcher: plain(), onResult }).summary()
    expect(results).toHaveLength(2)
  })

  it('leaves no process when it fails', async () => {
    const seconds = uniqueSleep()
    const onResult = async () => {
      await until('the other runs', () => processesWith(seconds).length > 0)
      throw failure
    }
    const run = dispatch(['true', `trap '' TERM; sleep ${seconds}; sleep ${seconds}`], {
      concurrency: 2,
      onResult,
      killGraceMs: 100,
    })
    await expect(run.summary()).rejects.toBe(failure)
    expect(processesWith(seconds)).toEqual([])
  })
})

const plain = () => new FakeLauncher(() => ({}))

describe('onAttempt', () => {
  it('ends the run when it fails', async () => {
    const launcher = new FakeLauncher(() => ({ exitCode: 1 }))
    const dispatcher = new Dispatcher({ launcher, retries: 3, onAttempt: () => Promise.reject(failure) })
    const task = dispatcher.add(named('a'))
    await expect(dispatcher.dispatch()).rejects.toBe(failure)
    await expect(task).rejects.toBe(failure)
    expect(launcher.children).toHaveLength(1)
  })
})

describe('beforeStart', () => {
  it('gives the task as it is to be started, for each attempt', async () => {
    const launcher = new FakeLauncher(() => ({ exitCode: 1 }))
    const dispatcher = new Dispatcher({
      launcher,
      retries: 1,
      backoffMs: 0,
      beforeStart: (task, { index, attempt, slot }) => ({ ...task, args: [`${index} ${attempt} ${slot}`] }),
    })
    const result = await dispatcher.add(named('a'))
    expect(launcher.children.map(({ spec }) => spec.args)).toEqual([['0 1 1'], ['0 2 1']])
    expect(result.args).toEqual(['0 2 1'])
  })

  it('makes a task invalid when it throws, and the run goes on', async () => {
    const launcher = plain()
    const beforeStart = (task: { command: unknown }) => {
      if (task.command === 'b') throw new Error('cannot be filled in')
      return task as never
    }
    const results = await all(dispatch([named('a'), named('b'), named('c')], { concurrency: 1, launcher, beforeStart }))
    expect(results.map(({ state }) => state)).toEqual(['succeeded', 'invalid', 'succeeded'])
    expect(results[1]).toMatchObject({
      index: 1,
      command: 'b',
      error: { code: 'ERR_DROVER_CALLBACK', message: 'cannot be filled in' },
    })
    expect(startedIn(launcher)).toEqual(['a', 'c'])
  })

  it('makes a task invalid also when what it gives is no task', async () => {
    for (const nonsense of [{ command: 5 }, Promise.resolve({ command: 'a' }), 'a', { command: 'a', args: [5] }]) {
      const launcher = plain()
      const results = await all(
        dispatch(['a', 'b'], { concurrency: 1, launcher, beforeStart: () => nonsense as never }),
      )
      expect(results.map(({ state }) => state)).toEqual(['invalid', 'invalid'])
    }
  })
})

describe('listeners', () => {
  it.each(['start', 'result', 'attempt', 'idle'] as const)(
    'of %s that throw end the run as callbacks do',
    async (event) => {
      const launcher = new FakeLauncher(() => ({ exitCode: 1 }))
      const dispatcher = new Dispatcher({ launcher, concurrency: 1, retries: 1, backoffMs: 0 })
      dispatcher.on(event, () => {
        throw failure
      })
      void dispatcher.add(named('a'))
      void dispatcher.add(named('b'))
      await expect(dispatcher.dispatch()).rejects.toBe(failure)
      expect(launcher.running).toBe(0)
    },
  )
})
