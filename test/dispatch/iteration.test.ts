import { describe, expect, it } from 'vitest'
import { DroverError, dispatch, OptionError, type Result, type Task } from '../../src/index.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { named, planned, planOfTask, settle } from '../helpers/fake-tasks.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'

const plain = () => new FakeLauncher(planOfTask)

/** A generator that counts how often it was asked and whether it was left. */
const counted = (length: number, make: (n: number) => Task | string = () => planned({})) => {
  const count = { pulled: 0, left: 0 }
  const tasks = (function* () {
    try {
      for (let n = 0; n < length; n++) {
        count.pulled += 1
        yield make(n)
      }
    } finally {
      count.left += 1
    }
  })()
  return { count, tasks }
}

describe('iterating dispatch()', () => {
  it('gives every result', async () => {
    const seen: Result[] = []
    const run = dispatch(['echo 0', { command: 'echo', args: ['1'] }, 'exit 2'], { concurrency: 2 })
    for await (const result of run) seen.push(result)
    seen.sort((a, b) => a.index - b.index)
    expect(seen).toMatchObject([
      { stdout: '0\n', state: 'succeeded', run: run.run },
      { stdout: '1\n', state: 'succeeded' },
      { exitCode: 2, state: 'failed' },
    ])
    expect(await run.summary()).toMatchObject({ total: 3, failures: 1, byState: { succeeded: 2, failed: 1 } })
  })

  it('gives results as they come, not as the tasks came', async () => {
    const order: number[] = []
    const tasks = [planned({ durationMs: 60 }), planned({ durationMs: 30 }), planned({})]
    for await (const { index } of dispatch(tasks, { concurrency: 3, launcher: plain() })) order.push(index)
    expect(order).toEqual([2, 1, 0])
  })

  it('starts nothing and asks for nothing before it is begun', async () => {
    const launcher = plain()
    const { count, tasks } = counted(3)
    const run = dispatch(tasks, { launcher, concurrency: 2 })
    run.concurrency = 3
    expect(run.progress()).toMatchObject({ total: null, queued: 0, running: 0, done: 0 })
    await settle()
    expect([count.pulled, launcher.children.length]).toEqual([0, 0])
    await run.summary()
    expect([count.pulled, launcher.children.length]).toEqual([3, 3])
  })

  it('pulls a million tasks only as slots free up and results are read', async () => {
    const launcher = plain()
    const concurrency = 4
    const { count, tasks } = counted(1_000_000)
    let read = 0
    for await (const _ of dispatch(tasks, { launcher, concurrency })) {
      read += 1
      if (read % 50 === 0) {
        await until('nothing runs any more', async () => {
          await settle()
          return launcher.running === 0
        })
        expect(count.pulled - read).toBeLessThanOrEqual(2 * concurrency)
        expect(count.pulled - read).toBeGreaterThanOrEqual(concurrency - 1)
      }
      if (read === 400) break
    }
    expect(count.left).toBe(1)
    expect(count.pulled).toBeLessThanOrEqual(400 + 2 * concurrency)
  })

  it('pulls no further while all slots are taken', async () => {
    const launcher = new FakeLauncher()
    const { count, tasks } = counted(1_000_000, (n) => named(`${n}`))
    const run = dispatch(tasks, { launcher, concurrency: 3 })
    const summary = run.summary()
    await settle()
    expect([count.pulled, launcher.running]).toEqual([3, 3])
    run.destroy()
    await summary
  })

  it('ends everything when it is left early', async () => {
    const seconds = uniqueSleep()
    const { count, tasks } = counted(100, (n) => (n === 0 ? 'true' : `sleep ${seconds} & sleep ${seconds}`))
    for await (const { index } of dispatch(tasks, { concurrency: 4 })) {
      expect(index).toBe(0)
      await until('the others run', () => processesWith(seconds).length >= 6)
      break
    }
    expect(processesWith(seconds)).toEqual([])
    expect(count.left).toBe(1)
    expect(count.pulled).toBeLessThanOrEqual(8)
  })

  it('ends everything when its reader throws', async () => {
    const seconds = uniqueSleep()
    const reading = async () => {
      for await (const _ of dispatch(['true', `sleep ${seconds}`], { concurrency: 2 })) throw new Error('enough')
    }
    await expect(reading()).rejects.toThrow('enough')
    expect(processesWith(seconds)).toEqual([])
  })

  it('can be done once', async () => {
    const run = dispatch([planned({})], { launcher: plain() })
    for await (const _ of run);
    expect(() => run[Symbol.asyncIterator]()).toThrow(DroverError)
    expect(() => run[Symbol.asyncIterator]()).toThrow(expect.objectContaining({ code: 'ERR_DROVER_CONSUMED' }))
    const counted = dispatch([planned({})], { launcher: plain() })
    await counted.summary()
    expect(() => counted[Symbol.asyncIterator]()).toThrow(DroverError)
  })

  it('can be summed up meanwhile and afterwards', async () => {
    const run = dispatch(['a', 'b'], { launcher: new FakeLauncher(() => ({})) })
    let early: Promise<unknown> | undefined
    for await (const _ of run) early ??= run.summary()
    expect(await early).toMatchObject({ total: 2 })
    expect(await run.summary()).toMatchObject({ total: 2, byState: { succeeded: 2 } })
  })

  it('counts time from its beginning', async () => {
    const run = dispatch([planned({})], { launcher: plain() })
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect((await run.summary()).durationMs).toBeLessThan(140)
  })

  it('answers several who ask for the next at once', async () => {
    const results = dispatch([planned({}), planned({})], { launcher: plain(), concurrency: 1 })[Symbol.asyncIterator]()
    const steps = await Promise.all([results.next(), results.next(), results.next()])
    expect(steps.map(({ value, done }) => [value?.index, done])).toEqual([
      [0, false],
      [1, false],
      [undefined, true],
    ])
  })

  it('heeds a changed concurrency', async () => {
    const launcher = new FakeLauncher()
    const run = dispatch(counted(100, (n) => named(`${n}`)).tasks, { launcher, concurrency: 1 })
    const summary = run.summary()
    expect(launcher.running).toBe(1)
    run.concurrency = 5
    expect([run.concurrency, launcher.running]).toEqual([5, 5])
    run.destroy()
    await summary
  })

  it.each([{ lookahead: -1 }, { lookahead: Number.NaN }, { lookahead: 0.5 }, { total: -1 }, { total: 1.5 }])(
    'refuses %j',
    (options) => {
      expect(() => dispatch([], options)).toThrow(OptionError)
      expect(() => dispatch([], options)).toThrow(Object.keys(options)[0])
    },
  )

  it('reads ahead so that priorities count, when told to', async () => {
    const order: string[] = []
    const launcher = plain()
    launcher.onStart = ({ spec }) => order.push(String(spec.env?.N))
    const tasks = () => counted(6, (n) => planned({}, { priority: n, env: { N: `${n}` } })).tasks
    await dispatch(tasks(), { launcher, concurrency: 1, lookahead: Number.POSITIVE_INFINITY }).summary()
    expect(order.splice(0)).toEqual(['5', '4', '3', '2', '1', '0'])
    await dispatch(tasks(), { launcher, concurrency: 1, lookahead: 1 }).summary()
    expect(order.splice(0)).toEqual(['1', '2', '3', '4', '5', '0'])
    await dispatch(tasks(), { launcher, concurrency: 1 }).summary()
    expect(order).toEqual(['0', '1', '2', '3', '4', '5'])
  })
})
