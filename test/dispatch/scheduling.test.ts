import { availableParallelism } from 'node:os'
import { describe, expect, it } from 'vitest'
import { Dispatcher, type DispatcherOptions, dispatch, InputError, OptionError, type Task } from '../../src/index.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { childOf, finish, named, planned, planOfTask, settle, startedIn } from '../helpers/fake-tasks.js'

const create = (options: DispatcherOptions = {}) => {
  const launcher = new FakeLauncher()
  return { launcher, dispatcher: new Dispatcher({ concurrency: 2, launcher, ...options }) }
}
const finishAll = async (launcher: FakeLauncher) => {
  for (let running = true; running; await settle()) {
    const child = launcher.children.find(({ phase }) => phase !== 'ended')
    running = child !== undefined
    if (child?.phase === 'starting') child.spawn()
    child?.exit()
  }
}

/** Notes when each start is about to be made: the delay counts from a moment after that. */
const stamp = (times: number[]) => (task: Task) => {
  times.push(performance.now())
  return task
}

describe('who runs when', () => {
  it('starts in the order that tasks came, as slots free up', async () => {
    const { launcher, dispatcher } = create()
    const results = ['a', 'b', 'c', 'd'].map((name) => dispatcher.add(named(name)))
    expect(startedIn(launcher)).toEqual(['a', 'b'])
    finish(launcher, 'b')
    await settle()
    expect(startedIn(launcher)).toEqual(['a', 'b', 'c'])
    finish(launcher, 'a')
    finish(launcher, 'c')
    await settle()
    finish(launcher, 'd')
    expect((await Promise.all(results)).map(({ index, command }) => [index, command])).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
      [3, 'd'],
    ])
  })

  it('begins before dispatch() is called', () => {
    const { launcher, dispatcher } = create()
    void dispatcher.add(named('a'))
    expect(startedIn(launcher)).toEqual(['a'])
  })

  it('counts slots by weight, and lets nobody overtake one that waits for more', async () => {
    const { launcher, dispatcher } = create({ concurrency: 4 })
    void dispatcher.add(named('a', { weight: 3 }))
    void dispatcher.add(named('b', { weight: 2 }))
    void dispatcher.add(named('c'))
    expect(startedIn(launcher)).toEqual(['a'])
    finish(launcher, 'a')
    await settle()
    expect(startedIn(launcher)).toEqual(['a', 'b', 'c'])
  })

  it('runs a task that is heavier than all slots alone', async () => {
    const { launcher, dispatcher } = create()
    for (const task of [named('a'), named('heavy', { weight: 9 }), named('b'), named('c')]) void dispatcher.add(task)
    expect(startedIn(launcher)).toEqual(['a'])
    finish(launcher, 'a')
    await settle()
    expect(startedIn(launcher)).toEqual(['a', 'heavy'])
    finish(launcher, 'heavy')
    await settle()
    expect(startedIn(launcher)).toEqual(['a', 'heavy', 'b', 'c'])
  })

  it('starts higher priorities first, equals in the order they came', async () => {
    const { launcher, dispatcher } = create({ concurrency: 1 })
    void dispatcher.add(named('first'))
    for (const [name, priority] of Object.entries({ low: -1, a: 0, high: 5, b: 0, higher: 5.5 })) {
      void dispatcher.add(named(name, { priority }))
    }
    await finishAll(launcher)
    expect(startedIn(launcher)).toEqual(['first', 'higher', 'high', 'a', 'b', 'low'])
  })

  it('heeds a concurrency that is raised while it runs, at once', () => {
    const { launcher, dispatcher } = create({ concurrency: 1 })
    for (const name of ['a', 'b', 'c', 'd']) void dispatcher.add(named(name))
    dispatcher.concurrency = 3
    expect(dispatcher.concurrency).toBe(3)
    expect(startedIn(launcher)).toEqual(['a', 'b', 'c'])
  })

  it('ends nothing when the concurrency is lowered, and starts only when there is room again', async () => {
    const { launcher, dispatcher } = create({ concurrency: 3 })
    for (const name of ['a', 'b', 'c', 'd']) void dispatcher.add(named(name))
    dispatcher.concurrency = 1
    finish(launcher, 'a')
    finish(launcher, 'b')
    await settle()
    expect(launcher.running).toBe(1)
    expect(childOf(launcher, 'c').signals).toEqual([])
    finish(launcher, 'c')
    await settle()
    expect(startedIn(launcher)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('knows no limit with Infinity', () => {
    const { launcher, dispatcher } = create({ concurrency: Number.POSITIVE_INFINITY })
    for (let n = 0; n < 500; n++) void dispatcher.add(named(`${n}`, { weight: 7 }))
    expect(launcher.running).toBe(500)
  })

  it('runs as many as there are CPUs unless told otherwise', () => {
    expect(new Dispatcher().concurrency).toBe(availableParallelism())
  })

  it.each([0, -1, 1.5, Number.NaN, '2' as never])('refuses %s as concurrency', (concurrency) => {
    expect(() => new Dispatcher({ concurrency })).toThrow(OptionError)
    const { dispatcher } = create()
    expect(() => {
      dispatcher.concurrency = concurrency
    }).toThrow(OptionError)
    expect(dispatcher.concurrency).toBe(2)
  })

  it.each<[string, object]>([
    ['concurency', { concurency: 2 }],
    ['retries', { retries: -1 }],
    ['retries', { retries: Number.POSITIVE_INFINITY }],
    ['backoffMs', { backoffMs: -1 }],
    ['delayMs', { delayMs: '5' }],
    ['totalTimeoutMs', { totalTimeoutMs: 2 ** 31 }],
    ['output', { output: 'file' }],
    ['leftovers', { leftovers: true }],
  ])('refuses a bad %s', (name, options) => {
    expect(() => new Dispatcher(options as never)).toThrow(OptionError)
    expect(() => new Dispatcher(options as never)).toThrow(name)
    expect(() => dispatch([], options as never)).toThrow(OptionError)
  })

  it('gives each running task a number that no other has, the lowest', async () => {
    const slots: [string, number][] = []
    const { launcher, dispatcher } = create({
      concurrency: 3,
      beforeStart: (task, { slot }) => {
        slots.push([task.command as string, slot])
        return task
      },
    })
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) void dispatcher.add(named(name))
    finish(launcher, 'b')
    await settle()
    finish(launcher, 'c')
    finish(launcher, 'a')
    await settle()
    expect(slots).toEqual(Object.entries({ a: 1, b: 2, c: 3, d: 2, e: 3, f: 1 }))
  })

  it('keeps the delay between two starts', async () => {
    const starts: number[] = []
    const launcher = new FakeLauncher(planOfTask)
    const dispatcher = new Dispatcher({ concurrency: 10, launcher, delayMs: 40, beforeStart: stamp(starts) })
    for (let n = 0; n < 5; n++) void dispatcher.add(planned({}))
    await dispatcher.dispatch()
    const gaps = starts.slice(1).map((start, n) => start - starts[n]!)
    expect(gaps).toHaveLength(4)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(39)
  })

  it('keeps the delay also when it was idle in between', async () => {
    const launcher = new FakeLauncher(planOfTask)
    const starts: number[] = []
    const dispatcher = new Dispatcher({ launcher, delayMs: 30, beforeStart: stamp(starts) })
    for (let n = 0; n < 3; n++) {
      await dispatcher.add(planned({}))
      await dispatcher.dispatch()
    }
    expect(starts).toHaveLength(3)
    expect(starts[2]! - starts[0]!).toBeGreaterThanOrEqual(59)
  })

  it('refuses what is no task, and adds nothing', () => {
    const { launcher, dispatcher } = create()
    for (const bad of ['', {}, { command: 'a', weight: 0 }, null, 5]) {
      expect(() => dispatcher.add(bad as never)).toThrow(InputError)
    }
    expect(dispatcher.progress().total).toBe(0)
    void dispatcher.add(named('a'))
    expect(startedIn(launcher)).toEqual(['a'])
  })

  it('stands still while it is suspended, tasks and all', async () => {
    const { launcher, dispatcher } = create()
    for (const name of ['a', 'b', 'c']) void dispatcher.add(named(name))
    dispatcher.suspend()
    expect(childOf(launcher, 'a').signals).toEqual(['SIGSTOP'])
    finish(launcher, 'a')
    await settle()
    expect(startedIn(launcher)).toEqual(['a', 'b'])
    dispatcher.resume()
    expect(childOf(launcher, 'b').signals).toEqual(['SIGSTOP', 'SIGCONT'])
    expect(startedIn(launcher)).toEqual(['a', 'b', 'c'])
  })

  it('stays correct with 20,000 tasks, a third of which fail', async () => {
    const launcher = new FakeLauncher(planOfTask)
    const dispatcher = new Dispatcher({ concurrency: 50, launcher, keepFinished: true })
    const tasks = Array.from({ length: 20_000 }, (_, n) =>
      planned({ exitCode: n % 3 === 0 ? 1 : 0 }, { priority: n % 5 }),
    )
    const promises = tasks.map((task) => dispatcher.add(task))
    const summary = await dispatcher.dispatch()
    expect(summary).toMatchObject({ total: 20_000, failures: 6_667 })
    expect(summary.byState).toMatchObject({ succeeded: 13_333, failed: 6_667 })
    const results = await Promise.all(promises)
    expect(results.every(({ index, exitCode }, n) => index === n && exitCode === (n % 3 === 0 ? 1 : 0))).toBe(true)
    expect(new Set(dispatcher.finished.map(({ index }) => index)).size).toBe(20_000)
    expect(launcher.mostRunning).toBe(50)
  })
})
