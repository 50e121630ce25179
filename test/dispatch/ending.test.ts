import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { Dispatcher, dispatch, type Result } from '../../src/index.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { named, planned, planOfTask, settle } from '../helpers/fake-tasks.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { runProgram } from '../helpers/program.js'
import { until } from '../helpers/until.js'

const words: string[] = []
const freshSleep = () => {
  const seconds = uniqueSleep()
  words.push(seconds)
  return seconds
}
afterEach(() => {
  for (const word of words.splice(0)) for (const pid of processesWith(word)) process.kill(pid, 'SIGKILL')
})

describe('timeouts', () => {
  it('are those of the run, or of the task itself', async () => {
    const launcher = new FakeLauncher(planOfTask)
    const dispatcher = new Dispatcher({ concurrency: 10, launcher, timeoutMs: 60 })
    const slow = (timeoutMs?: number) =>
      dispatcher.add(planned({ durationMs: 250 }, timeoutMs === undefined ? {} : { timeoutMs }))
    const results = await Promise.all([slow(), slow(20), slow(20_000), slow(0)])
    expect(results.map(({ state }) => state)).toEqual(['timed-out', 'timed-out', 'succeeded', 'succeeded'])
    expect(results[0].error).toMatchObject({ code: 'ERR_DROVER_TIMEOUT', message: expect.stringContaining('60 ms') })
    expect(results[0].durationMs).toBeGreaterThanOrEqual(59)
    expect(results[1].durationMs).toBeLessThan(results[0].durationMs)
  })

  it('stand still while the run is suspended', async () => {
    const launcher = new FakeLauncher(planOfTask)
    const dispatcher = new Dispatcher({ launcher, timeoutMs: 150 })
    const result = dispatcher.add(planned({ durationMs: 350 }))
    await settle()
    dispatcher.suspend()
    await new Promise((resolve) => setTimeout(resolve, 300))
    dispatcher.resume()
    expect(await result).toMatchObject({ state: 'succeeded' })
  })

  it('of the whole run end what runs and skip what waits', async () => {
    const seconds = freshSleep()
    const run = dispatch(['true', `sleep ${seconds}; :`, `sleep ${seconds}; :`, 'true'], {
      concurrency: 2,
      totalTimeoutMs: 300,
    })
    const results: Result[] = []
    for await (const result of run) results.push(result)
    results.sort((a, b) => a.index - b.index)
    expect(results.map(({ state, error }) => [state, error?.code])).toEqual([
      ['succeeded', undefined],
      ['cancelled', 'ERR_DROVER_TIMEOUT'],
      ['cancelled', 'ERR_DROVER_TIMEOUT'],
      ['skipped', 'ERR_DROVER_TIMEOUT'],
    ])
    expect(processesWith(seconds)).toEqual([])
  })

  it('of the whole run keep no program alive that has nothing left to run', async () => {
    const { stdout, tookMs } = await runProgram(`
      const dispatcher = new drover.Dispatcher({ totalTimeoutMs: 3_600_000 })
      console.log((await dispatcher.add('true')).state)`)
    expect(stdout).toBe('succeeded\n')
    // It would have been killed after a minute.
    expect(tookMs).toBeLessThan(60_000)
  })

  it('of the whole run do nothing to one that is in time', async () => {
    const launcher = new FakeLauncher(planOfTask)
    expect(await dispatch([planned({})], { launcher, totalTimeoutMs: 50 }).summary()).toMatchObject({ failures: 0 })
    const dispatcher = new Dispatcher({ launcher, totalTimeoutMs: 60 })
    await dispatcher.add(planned({}))
    await dispatcher.dispatch()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await dispatcher.add(planned({}))).toMatchObject({ state: 'succeeded' })
    await dispatcher.close()
  })
})

describe('AbortSignal', () => {
  it('that is aborted before skips everything and starts nothing', async () => {
    const launcher = new FakeLauncher(planOfTask)
    const signal = AbortSignal.abort(new Error('not today'))
    const run = dispatch([planned({}), planned({})], { launcher, signal })
    const results: Result[] = []
    for await (const result of run) results.push(result)
    expect(results).toMatchObject([
      { index: 0, state: 'skipped', error: { code: 'ERR_DROVER_ABORTED' } },
      { index: 1, state: 'skipped', error: { message: 'aborted: not today' } },
    ])
    expect(await new Dispatcher({ launcher, signal }).add(planned({}))).toMatchObject({ state: 'skipped' })
    expect(launcher.children).toEqual([])
  })

  it('ends what runs and skips what waits', async () => {
    const seconds = freshSleep()
    const controller = new AbortController()
    const lines = [`sleep ${seconds} & sleep ${seconds}`, `setsid sleep ${seconds} & sleep ${seconds}`, 'true']
    const summary = dispatch(lines, { concurrency: 2, signal: controller.signal }).summary()
    await until('all run', () => processesWith(`sleep ${seconds}`).length >= 6)
    controller.abort()
    expect(await summary).toMatchObject({ byState: { cancelled: 2, skipped: 1 } })
    expect(processesWith(seconds)).toEqual([])
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('is heeded by a dispatcher as long as it has something to do', async () => {
    const controller = new AbortController()
    const launcher = new FakeLauncher(planOfTask)
    const dispatcher = new Dispatcher({ launcher, signal: controller.signal, killGraceMs: 0 })
    await dispatcher.add(planned({}))
    await dispatcher.dispatch()
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    const task = dispatcher.add(planned({ durationMs: 1_000_000 }))
    controller.abort()
    expect(await task).toMatchObject({ state: 'cancelled' })
  })

  it('is heeded for a task that is added while the one before it is cleared up after', async () => {
    const controller = new AbortController()
    const launcher = new FakeLauncher(planOfTask)
    const dispatcher = new Dispatcher({ launcher, signal: controller.signal, killGraceMs: 0 })
    const first = dispatcher.add(planned({}))
    const done = dispatcher.dispatch()
    await first
    const second = dispatcher.add(planned({ durationMs: 1_000_000 }))
    await settle()
    controller.abort()
    expect(await second).toMatchObject({ state: 'cancelled' })
    await done
  })
})

describe('destroy()', () => {
  it('ends everything without a grace', async () => {
    const seconds = freshSleep()
    const run = dispatch([`trap '' TERM; sleep ${seconds}; sleep ${seconds}`, 'true'], {
      concurrency: 1,
      killGraceMs: 60_000,
    })
    const summary = run.summary()
    await until('it runs', () => processesWith(seconds).length >= 2)
    run.destroy({ code: 'ERR_DROVER_SIGNAL', message: 'second SIGINT' })
    // What was not read is not read any more.
    expect(await summary).toMatchObject({ total: 1, byState: { cancelled: 1 } })
    expect(processesWith(seconds)).toEqual([])
  })

  it('hurries what halt() has begun to end', async () => {
    const seconds = freshSleep()
    const run = dispatch([`trap '' TERM; echo ready; sleep ${seconds}; sleep ${seconds}`], { killGraceMs: 60_000 })
    const summary = run.summary()
    await until('it runs', () => processesWith(seconds).length >= 2)
    run.halt('now')
    run.destroy()
    expect(await summary).toMatchObject({ byState: { cancelled: 1 } })
    expect(processesWith(seconds)).toEqual([])
  })

  it('hurries the end of what a task had left behind', async () => {
    const seconds = freshSleep()
    const results: Result[] = []
    const run = dispatch([`(trap '' TERM; sleep ${seconds}; sleep ${seconds}) & sleep 0.1`], {
      killGraceMs: 60_000,
      onResult: (result) => void results.push(result),
    })
    const summary = run.summary()
    await until('it has its result', () => results.length === 1)
    expect(results[0]).toMatchObject({ state: 'succeeded', pipeHeld: true })
    run.destroy()
    await summary
    expect(processesWith(seconds)).toEqual([])
  })
})

describe('the end of a run', () => {
  it('comes when nothing is left that its tasks had left behind', async () => {
    const seconds = freshSleep()
    const line = `(trap '' TERM; sleep ${seconds}; sleep ${seconds}) & sleep 0.1`
    expect(await dispatch([line, line], { killGraceMs: 200 }).summary()).toMatchObject({ byState: { succeeded: 2 } })
    expect(processesWith(seconds)).toEqual([])
  })

  it('sweeps up what left the session of its task and held no output', async () => {
    const seconds = freshSleep()
    const line = `setsid sh -c 'sleep ${seconds}; true' >/dev/null 2>&1 < /dev/null &`
    const dispatcher = new Dispatcher()
    expect(await dispatcher.add(line)).toMatchObject({ state: 'succeeded', pipeHeld: false })
    await dispatcher.dispatch()
    expect(processesWith(seconds)).toEqual([])
  })

  it('comes when nothing is left of many quick tasks that each left something behind', async () => {
    const seconds = freshSleep()
    const lines = Array.from({ length: 60 }, (_, n) => `${n % 2 ? 'setsid' : ''} sleep ${seconds} >/dev/null 2>&1 &`)
    const summary = await dispatch(lines, { concurrency: 8 }).summary()
    expect(summary.byState.succeeded).toBe(60)
    expect(processesWith(seconds)).toEqual([])
  })

  it('does not sweep up a task that is added meanwhile', async () => {
    const seconds = freshSleep()
    const stubborn = `setsid sh -c "trap '' TERM; sleep ${seconds}; sleep ${seconds}" >/dev/null 2>&1 &`
    const dispatcher = new Dispatcher({ killGraceMs: 400 })
    await dispatcher.add(`${stubborn} while ! pgrep -f 'sleep ${seconds}' >/dev/null; do :; done`)
    const done = dispatcher.dispatch()
    await new Promise((resolve) => setTimeout(resolve, 100))
    const late = dispatcher.add('sleep 0.8; echo b')
    await done
    expect(await late).toMatchObject({ state: 'succeeded', stdout: 'b\n' })
    expect(processesWith(seconds)).toEqual([])
  })

  it('leaves alone what it is told to keep', async () => {
    const seconds = freshSleep()
    const line = `setsid sleep ${seconds} >/dev/null 2>&1 & sleep ${seconds} >/dev/null 2>&1 &`
    await dispatch([line], { leftovers: 'keep' }).summary()
    expect(processesWith(seconds)).toHaveLength(2)
  })

  it('comes when nothing is left of what a timeout has ended, also where leftovers are kept', async () => {
    const seconds = freshSleep()
    const line = `(trap '' TERM; sleep ${seconds}; sleep ${seconds}) & sleep ${seconds}`
    const summary = await dispatch([line], { leftovers: 'keep', timeoutMs: 200, killGraceMs: 400 }).summary()
    expect(summary.byState).toMatchObject({ 'timed-out': 1 })
    expect(processesWith(seconds)).toEqual([])
  })

  it('does not come before leftovers that are waited for', async () => {
    const summary = await dispatch(['(sleep 0.4; echo late) & echo early'], {
      leftovers: 'wait',
      pipeGraceMs: 20,
      onResult: ({ stdout }) => expect(stdout).toBe('early\nlate\n'),
    }).summary()
    expect(summary.failures).toBe(0)
  })

  it('tells each task that the launcher lost', async () => {
    const launcher = new FakeLauncher(() => ({ lost: true, durationMs: 5 }))
    const dispatcher = new Dispatcher({ launcher, concurrency: 2 })
    const results = await Promise.all([dispatcher.add(named('a')), dispatcher.add(named('b'))])
    expect(results.map(({ state, error }) => [state, error?.code])).toEqual([
      ['lost', 'ERR_DROVER_LOST'],
      ['lost', 'ERR_DROVER_LOST'],
    ])
    expect(await dispatcher.dispatch()).toMatchObject({ failures: 2 })
  })
})
