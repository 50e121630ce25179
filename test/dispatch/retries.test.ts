import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Attempt, Dispatcher, type DispatcherOptions, type Result } from '../../src/index.js'
import { FakeLauncher, type FakePlan } from '../helpers/fake-launcher.js'
import { childOf, finish, named, settle, startedIn } from '../helpers/fake-tasks.js'

/** A dispatcher whose tasks do one thing after the other, attempt by attempt. */
const scripted = (script: FakePlan[], options: DispatcherOptions = {}) => {
  const launcher = new FakeLauncher(() => script[Math.min(launcher.children.length, script.length) - 1]!)
  const attempts: Attempt[] = []
  const results: Result[] = []
  const dispatcher = new Dispatcher({
    launcher,
    backoffMs: 0,
    onAttempt: (attempt) => void attempts.push(attempt),
    onResult: (result) => void results.push(result),
    ...options,
  })
  return { launcher, dispatcher, attempts, results }
}
const FAILS = { exitCode: 1 }

describe('retries', () => {
  it('tries again what did not succeed, and tells of each attempt', async () => {
    const { dispatcher, attempts, results } = scripted(
      [{ exitCode: 4, stdout: 'a' }, { exitCode: 5 }, { stdout: 'c' }],
      {
        retries: 5,
      },
    )
    const result = await dispatcher.add(named('x', { id: 'x' }))
    expect(result).toMatchObject({ type: 'result', state: 'succeeded', attempt: 3, attempts: 6, stdout: 'c' })
    expect(attempts).toMatchObject([
      { type: 'attempt', id: 'x', index: 0, state: 'failed', exitCode: 4, attempt: 1, attempts: 6, stdout: 'a' },
      { type: 'attempt', id: 'x', index: 0, state: 'failed', exitCode: 5, attempt: 2, attempts: 6 },
    ])
    expect(results).toEqual([result])
  })

  it('gives the last attempt as the result when tries run out', async () => {
    const { launcher, dispatcher, attempts } = scripted([FAILS, FAILS, { exitCode: 9 }], { retries: 2 })
    expect(await dispatcher.add(named('x'))).toMatchObject({ state: 'failed', exitCode: 9, attempt: 3, attempts: 3 })
    expect(attempts).toHaveLength(2)
    expect(launcher.children).toHaveLength(3)
  })

  it('heeds what the task says of itself', async () => {
    const { dispatcher, attempts } = scripted([FAILS], { retries: 3 })
    expect(await dispatcher.add(named('x', { retries: 0 }))).toMatchObject({ attempt: 1, attempts: 1 })
    expect(await dispatcher.add(named('x', { retries: 1 }))).toMatchObject({ attempt: 2, attempts: 2 })
    expect(attempts).toHaveLength(1)
  })

  it.each<[string, FakePlan]>([
    ['failed', { exitCode: 1 }],
    ['killed', { signal: 'SIGSEGV' }],
    ['lost', { lost: true }],
    ['spawn-failed', { spawnError: 'ENOENT' }],
    ['timed-out', { durationMs: 10_000 }],
  ])('tries again after %s', async (state, plan) => {
    const { dispatcher, attempts } = scripted([plan, {}], { retries: 1, timeoutMs: 50 })
    expect(await dispatcher.add(named('x'))).toMatchObject({ state: 'succeeded', attempt: 2 })
    expect(attempts).toMatchObject([{ state }])
  })

  it('does not try again what succeeded or was invalid', async () => {
    const { launcher, dispatcher } = scripted([{}], { retries: 3 })
    expect(await dispatcher.add(named('x'))).toMatchObject({ state: 'succeeded', attempt: 1 })
    const refusing = new Dispatcher({
      launcher,
      retries: 3,
      backoffMs: 0,
      beforeStart: () => {
        throw new Error('no')
      },
    })
    expect(await refusing.add(named('x'))).toMatchObject({ state: 'invalid' })
    expect(launcher.children).toHaveLength(1)
  })

  it('lets others run during the backoff', async () => {
    const launcher = new FakeLauncher()
    const dispatcher = new Dispatcher({ concurrency: 1, launcher, retries: 1, backoffMs: 30 })
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.999)
    const first = dispatcher.add(named('a'))
    void dispatcher.add(named('b'))
    finish(launcher, 'a', 1)
    await settle()
    expect(startedIn(launcher)).toEqual(['a', 'b'])
    expect(dispatcher.progress()).toMatchObject({ queued: 1, running: 1, done: 0 })
    finish(launcher, 'b')
    await vi.waitFor(() => expect(startedIn(launcher)).toEqual(['a', 'b', 'a']))
    finish(launcher, 'a')
    random.mockRestore()
    expect(await first).toMatchObject({ state: 'succeeded', attempt: 2 })
  })

  describe('the wait before the next', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    })
    afterEach(() => {
      vi.useRealTimers()
      vi.restoreAllMocks()
    })

    it('doubles each time, at random below that', async () => {
      vi.spyOn(Math, 'random').mockReturnValue(0.5)
      const { launcher, dispatcher } = scripted([FAILS], { retries: 3, backoffMs: 1_000 })
      void dispatcher.add(named('x'))
      const startedAt = [0]
      launcher.onStart = () => startedAt.push(performance.now())
      const begin = performance.now()
      for (let ms = 0; ms < 4_000; ms += 10) {
        await vi.advanceTimersByTimeAsync(10)
        await settle()
      }
      const waits = startedAt.slice(1).map((at, n) => at - (n === 0 ? begin : startedAt[n]!))
      expect(waits).toHaveLength(3)
      for (const [n, ms] of [500, 1_000, 2_000].entries()) expect(Math.abs(waits[n]! - ms)).toBeLessThanOrEqual(30)
    })
  })

  it('waits until an attempt has been recorded', async () => {
    let recorded!: () => void
    const launcher = new FakeLauncher()
    const dispatcher = new Dispatcher({
      launcher,
      retries: 1,
      backoffMs: 0,
      onAttempt: () => new Promise((resolve) => (recorded = resolve)),
    })
    void dispatcher.add(named('a'))
    finish(launcher, 'a', 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(startedIn(launcher)).toEqual(['a'])
    recorded()
    await vi.waitFor(() => expect(startedIn(launcher)).toEqual(['a', 'a']))
    finish(launcher, 'a')
    await dispatcher.dispatch()
  })

  it('cancels what waits for another try when the run is stopped, and shows the last one', async () => {
    const { dispatcher, results } = scripted([{ exitCode: 4, stdout: 'printed' }], { retries: 5, backoffMs: 100_000 })
    const task = dispatcher.add(named('x'))
    await vi.waitFor(() => expect(dispatcher.progress()).toMatchObject({ queued: 1, running: 0 }))
    dispatcher.halt('soon')
    expect(await task).toMatchObject({
      state: 'cancelled',
      error: { code: 'ERR_DROVER_HALTED' },
      exitCode: 4,
      stdout: 'printed',
      attempt: 1,
    })
    await dispatcher.dispatch()
    expect(results).toHaveLength(1)
  })

  it('does so also when the next try waited for a slot', async () => {
    const launcher = new FakeLauncher()
    const dispatcher = new Dispatcher({ concurrency: 1, launcher, retries: 5, backoffMs: 0 })
    const task = dispatcher.add(named('a'))
    const other = dispatcher.add(named('b', { retries: 0 }))
    childOf(launcher, 'a').spawn()
    childOf(launcher, 'a').print('stdout', 'printed')
    finish(launcher, 'a', 4)
    await new Promise((resolve) => setTimeout(resolve, 20))
    dispatcher.halt('now')
    expect(await task).toMatchObject({ state: 'cancelled', exitCode: 4, stdout: 'printed', attempt: 1 })
    expect(await other).toMatchObject({ state: 'cancelled' })
    expect(startedIn(launcher)).toEqual(['a', 'b'])
  })

  it('does not try again once the run is stopped', async () => {
    const { launcher, dispatcher } = scripted([{ durationMs: 20, exitCode: 1 }], { retries: 5 })
    const task = dispatcher.add(named('x'))
    dispatcher.halt('soon')
    expect(await task).toMatchObject({ state: 'failed', attempt: 1, attempts: 6 })
    expect(launcher.children).toHaveLength(1)
  })

  it('does not count attempts towards a halt', async () => {
    const { dispatcher } = scripted([FAILS, FAILS, {}], { retries: 2, halt: 'now,fail=1' })
    expect(await dispatcher.add(named('x'))).toMatchObject({ state: 'succeeded' })
    expect(await dispatcher.dispatch()).toMatchObject({ halted: null })
  })
})
