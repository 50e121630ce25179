import { describe, expect, it } from 'vitest'
import { Dispatcher, Process } from '../../src/index.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { childOf, finish, settle, startedIn } from '../helpers/fake-tasks.js'
import { elapse, inFakeTime } from '../helpers/fake-time.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'

const REASON = { code: 'ERR_TEST', message: 'ended by the test' }

describe('processes in a dispatcher', () => {
  it('run like tasks, by name', async () => {
    const dispatcher = new Dispatcher({ concurrency: 2, keepFinished: true })
    const clock = new Process('echo tick', { name: 'clock', id: '7', meta: 1 })
    const names: (string | undefined)[] = []
    dispatcher.on('start', ({ name }) => names.push(name))
    const result = await dispatcher.add(clock)
    expect(result).toMatchObject({
      run: dispatcher.run,
      index: 0,
      id: '7',
      meta: 1,
      stdout: 'tick\n',
      state: 'succeeded',
    })
    expect(names).toEqual(['clock'])
    expect(clock.finished).toBe(true)
    expect((await clock.result).stdout).toBe('tick\n')
    await dispatcher.dispatch()
    expect(dispatcher.finished).toHaveLength(1)
  })

  it('are started as slots free up, by weight and priority', async () => {
    const launcher = new FakeLauncher()
    const dispatcher = new Dispatcher({ concurrency: 2, launcher })
    const make = (name: string, more = {}) => new Process(name, [], { launcher, ...more })
    const children = [make('a'), make('b', { weight: 2 }), make('c', { priority: 1 })]
    for (const child of children) void dispatcher.add(child)
    expect(startedIn(launcher)).toEqual(['a', 'c'])
    expect(children.map(({ started }) => started)).toEqual([true, false, true])
    finish(launcher, 'a')
    finish(launcher, 'c')
    await settle()
    expect(startedIn(launcher)).toEqual(['a', 'c', 'b'])
    finish(launcher, 'b')
    await dispatcher.dispatch()
  })

  it('may have been started before, or have ended', async () => {
    const dispatcher = new Dispatcher({ concurrency: 1 })
    const running = new Process('sleep 0.1; echo a').start()
    const ended = new Process('echo b; exit 3').start()
    await ended.result
    const results = await Promise.all([dispatcher.add(running), dispatcher.add(ended)])
    expect(results).toMatchObject([
      { index: 0, state: 'succeeded', stdout: 'a\n' },
      { index: 1, state: 'failed', exitCode: 3, stdout: 'b\n' },
    ])
    expect(await dispatcher.dispatch()).toMatchObject({ total: 2, failures: 1 })
  })

  it('are ended with the run, trees and all', async () => {
    const seconds = uniqueSleep()
    const dispatcher = new Dispatcher({ concurrency: 2 })
    const results = [
      dispatcher.add(new Process(`sleep ${seconds} & sleep ${seconds}`)),
      dispatcher.add(new Process(`trap '' TERM; sleep ${seconds}; sleep ${seconds}`, { killGraceMs: 100 })),
    ]
    await until('both run', () => processesWith(`sleep ${seconds}`).length >= 5)
    await dispatcher.destroy()
    expect(processesWith(seconds)).toEqual([])
    expect((await Promise.all(results)).map(({ state }) => state)).toEqual(['cancelled', 'cancelled'])
  })

  it('are skipped when the run is stopped before they are started', async () => {
    const launcher = new FakeLauncher()
    const dispatcher = new Dispatcher({ concurrency: 1, launcher })
    void dispatcher.add({ command: 'a', args: [] })
    const waiting = dispatcher.add(new Process('b', [], { launcher }))
    dispatcher.halt('soon')
    expect(await waiting).toMatchObject({ state: 'skipped', command: 'b', index: 1 })
    finish(launcher, 'a')
    await dispatcher.dispatch()
    expect(startedIn(launcher)).toEqual(['a'])
  })

  it('are ended with the run also when they run already and wait for a slot', async () => {
    for (const end of ['destroy', 'halt'] as const) {
      const seconds = uniqueSleep()
      const dispatcher = new Dispatcher({ concurrency: 1 })
      void dispatcher.add(`sleep ${seconds}; true`)
      const waiting = dispatcher.add(new Process(`sleep ${seconds}; true`).start())
      await until('both run', () => processesWith(`sleep ${seconds}`).length >= 4)
      if (end === 'halt') dispatcher.halt('now')
      else await dispatcher.destroy()
      await dispatcher.dispatch()
      expect(await waiting).toMatchObject({ state: 'cancelled', index: 1, run: dispatcher.run })
      expect(processesWith(seconds)).toEqual([])
    }
  })

  it('may finish when they run already and the run is to end soon, or was stopped', async () => {
    const dispatcher = new Dispatcher({ concurrency: 1 })
    const running = dispatcher.add('sleep 0.2')
    const waiting = dispatcher.add(new Process('sleep 0.3; echo a').start())
    dispatcher.halt('soon')
    const late = dispatcher.add(new Process('echo b').start())
    const results = await Promise.all([running, waiting, late])
    expect(results.map(({ state, stdout }) => state + stdout)).toEqual(['succeeded', 'succeededa\n', 'succeededb\n'])
    await dispatcher.dispatch()
  })

  it('are not tried again', async () => {
    const dispatcher = new Dispatcher({ retries: 3, backoffMs: 0 })
    expect(await dispatcher.add(new Process('exit 2'))).toMatchObject({ state: 'failed', attempt: 1, attempts: 1 })
  })

  it('may be killed by whoever has them', async () => {
    const launcher = new FakeLauncher(() => ({ durationMs: 1_000_000 }))
    const dispatcher = new Dispatcher({ launcher })
    const child = new Process('a', [], { launcher })
    const result = dispatcher.add(child)
    await child.kill()
    expect(await result).toMatchObject({ state: 'cancelled', error: { code: 'ERR_DROVER_KILLED' } })
    expect(childOf(launcher, 'a').alive).toBe(0)
    await dispatcher.dispatch()
  })

  it('are ended alone for the reason and with the grace that were given', () =>
    inFakeTime(async () => {
      const launcher = new FakeLauncher(() => ({ durationMs: 1_000_000, ignoresTerm: true }))
      const dispatcher = new Dispatcher({ launcher })
      const added = dispatcher.enter(new Process('a', [], { launcher, killGraceMs: 60_000 }))
      const before = performance.now()
      added.end(REASON, 100)
      expect(await added.result).toMatchObject({ state: 'cancelled', error: REASON })
      expect(performance.now() - before).toBeLessThan(1_000)
      await dispatcher.dispatch()
    }))

  it('are ended alone also when they run already and wait for a slot', async () => {
    const launcher = new FakeLauncher()
    const dispatcher = new Dispatcher({ launcher, concurrency: 1 })
    void dispatcher.add({ command: 'a', args: [] })
    const added = dispatcher.enter(new Process('b', [], { launcher }).start())
    childOf(launcher, 'b').spawn()
    added.end(REASON)
    expect(await added.result).toMatchObject({ state: 'cancelled', error: REASON })
    finish(launcher, 'a')
    await dispatcher.dispatch()
    expect(dispatcher.progress()).toMatchObject({ queued: 0, running: 0, done: 2 })
  })

  it('have timeouts that stand still while the run is suspended', () =>
    inFakeTime(async () => {
      const launcher = new FakeLauncher(() => ({ durationMs: 1_000 }))
      const dispatcher = new Dispatcher({ launcher })
      const result = dispatcher.add(new Process('a', [], { launcher, timeoutMs: 500 }))
      await elapse(1)
      await dispatcher.suspend()
      await elapse(900)
      dispatcher.resume()
      expect(childOf(launcher, 'a').signals).toEqual(['SIGSTOP', 'SIGCONT'])
      expect(await result).toMatchObject({ state: 'succeeded' })
      await dispatcher.dispatch()
    }))
})
