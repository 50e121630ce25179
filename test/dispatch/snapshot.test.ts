import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Dispatcher, dispatch } from '../../src/index.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { finish, named, planned, planOfTask, settle } from '../helpers/fake-tasks.js'

describe('progress()', () => {
  it('counts what waits, runs and is done, by state', async () => {
    const launcher = new FakeLauncher()
    const dispatcher = new Dispatcher({ concurrency: 2, launcher, retries: 0 })
    expect(dispatcher.progress()).toMatchObject({ total: 0, queued: 0, running: 0, done: 0 })
    for (const name of ['a', 'b', 'c', 'd']) void dispatcher.add(named(name))
    expect(dispatcher.progress()).toMatchObject({ total: 4, queued: 2, running: 2, done: 0 })
    finish(launcher, 'a', 1)
    finish(launcher, 'b')
    await settle()
    expect(dispatcher.progress()).toMatchObject({
      total: 4,
      queued: 0,
      running: 2,
      done: 2,
      byState: { succeeded: 1, failed: 1 },
    })
    await dispatcher.destroy()
    expect(dispatcher.progress()).toMatchObject({ running: 0, done: 4, byState: { cancelled: 2 } })
  })

  it('adds up at every moment', async () => {
    const launcher = new FakeLauncher(planOfTask)
    const tasks = Array.from({ length: 50 }, (_, n) => planned({ durationMs: n % 4, exitCode: n % 3 === 0 ? 1 : 0 }))
    const dispatcher = new Dispatcher({ concurrency: 3, launcher, retries: 1, backoffMs: 2 })
    const check = () => {
      const { total, queued, running, done, byState } = dispatcher.progress()
      expect(queued + running + done).toBe(total)
      expect(Object.values(byState).reduce((sum, count) => sum + count)).toBe(done)
    }
    dispatcher.on('start', check)
    dispatcher.on('result', check)
    for (const task of tasks) {
      void dispatcher.add(task)
      check()
    }
    await dispatcher.dispatch()
    expect(dispatcher.progress()).toMatchObject({ done: 50, queued: 0, running: 0 })
  })

  describe('over time', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    })
    afterEach(() => {
      vi.useRealTimers()
    })

    it('has neither rate nor estimate in the first second, then both', async () => {
      const launcher = new FakeLauncher(planOfTask)
      const run = dispatch(
        Array.from({ length: 100 }, () => planned({ durationMs: 100 })),
        { launcher, concurrency: 1 },
      )
      const summary = run.summary()
      const pass = async (ms: number) => {
        for (let passed = 0; passed < ms; passed += 50) {
          await vi.advanceTimersByTimeAsync(50)
          await settle()
        }
      }
      await pass(900)
      expect(run.progress().done).toBeGreaterThan(5)
      expect(run.progress()).toMatchObject({ ratePerSecond: null, etaMs: null })
      await pass(2_100)
      const { ratePerSecond, etaMs, done, total } = run.progress()
      expect(ratePerSecond! / (done / 3)).toBeCloseTo(1, 1)
      expect(etaMs! / (((total! - done) / ratePerSecond!) * 1_000)).toBeCloseTo(1, 5)
      await pass(12_000)
      expect(await summary).toMatchObject({ total: 100 })
      expect(run.progress().etaMs).toBe(0)
    })

    it.each([
      ['leaves nothing to run', 2_000_000_000],
      ['leaves a long task running for a while', 600_000],
    ])('estimates as before after a pause that %s', async (_, longMs) => {
      const launcher = new FakeLauncher(planOfTask)
      const short = Array.from({ length: 400 }, () => planned({ durationMs: 100 }))
      const long = longMs < 1_000_000 ? [planned({ durationMs: longMs })] : []
      const run = dispatch([...long, ...short], { launcher, concurrency: 8 })
      const summary = run.summary()
      const pass = async (ms: number, stepMs: number) => {
        for (let passed = 0; passed < ms; passed += stepMs) {
          await vi.advanceTimersByTimeAsync(stepMs)
          await settle()
        }
      }
      await pass(2_000, 50)
      const before = run.progress().ratePerSecond!
      run.steering.pause()
      await pass(3_600_000, 60_000)
      expect(run.progress().running).toBe(0)
      run.steering.unpause()
      await pass(500, 50)
      const { ratePerSecond, etaMs } = run.progress()
      expect(ratePerSecond! / before).toBeGreaterThan(0.8)
      expect(ratePerSecond! / before).toBeLessThan(1.2)
      expect(etaMs).toBeLessThan(10_000)
      run.destroy()
      await vi.advanceTimersByTimeAsync(1_000)
      await settle()
      await summary
    })

    it('has a rate but no estimate where the total is not known', async () => {
      const launcher = new FakeLauncher(planOfTask)
      const endless = function* () {
        for (;;) yield planned({ durationMs: 100 })
      }
      const run = dispatch(endless(), { launcher, concurrency: 1 })
      const summary = run.summary()
      for (let n = 0; n < 40; n++) {
        await vi.advanceTimersByTimeAsync(50)
        await settle()
      }
      expect(run.progress()).toMatchObject({ total: null, etaMs: null })
      expect(run.progress().ratePerSecond).toBeGreaterThan(1)
      run.destroy()
      await vi.advanceTimersByTimeAsync(1_000)
      await settle()
      await summary
    })
  })
})
