import { describe, expect, it } from 'vitest'
import { Dispatcher, type DispatcherOptions, dispatch, OptionError, type Result, type Task } from '../../src/index.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { finish, named, planned, planOfTask, settle, startedIn } from '../helpers/fake-tasks.js'

const create = (options: DispatcherOptions = {}) => {
  const launcher = new FakeLauncher()
  const dispatcher = new Dispatcher({ concurrency: 1, launcher, keepFinished: true, ...options })
  return { launcher, dispatcher }
}
const statesOf = ({ finished }: Dispatcher) => finished.toSorted((a, b) => a.index - b.index).map(({ state }) => state)
const ok = (): Task => planned({})
const bad = (): Task => planned({ exitCode: 1 })
const slow = (): Task => planned({ durationMs: 1_000_000 })

/** Runs these tasks, as many at once as is said, and gives their states in order. */
const statesWith = async (halt: string, tasks: Task[], concurrency = 1) => {
  const launcher = new FakeLauncher(planOfTask)
  const run = dispatch(tasks, { halt, concurrency, launcher, killGraceMs: 0 })
  const results: Result[] = []
  for await (const result of run) results.push(result)
  results.sort((a, b) => a.index - b.index)
  return { states: results.map(({ state }) => state), started: launcher.children.length, summary: await run.summary() }
}

describe('halt', () => {
  it('soon,fail=1 starts nothing more after a failure', async () => {
    const { states, started, summary } = await statesWith('soon,fail=1', [ok(), bad(), ok(), ok()])
    expect(states).toEqual(['succeeded', 'failed', 'skipped', 'skipped'])
    expect(started).toBe(2)
    expect(summary).toMatchObject({ halted: 'soon,fail=1', failures: 1, total: 4 })
  })

  it('now,fail=1 starts nothing more either, not even for a moment', async () => {
    const { states, started, summary } = await statesWith('now,fail=1', [bad(), ok(), ok()])
    expect(states).toEqual(['failed', 'skipped', 'skipped'])
    expect(started).toBe(1)
    expect(summary.halted).toBe('now,fail=1')
  })

  it('soon lets what runs finish, now ends it', async () => {
    const tasks = [planned({ durationMs: 60 }), planned({ durationMs: 20, exitCode: 1 }), ok()]
    expect((await statesWith('soon,fail=1', tasks, 2)).states).toEqual(['succeeded', 'failed', 'skipped'])
    const ended = await statesWith('now,fail=1', [slow(), bad(), ok()], 2)
    expect(ended.states).toEqual(['cancelled', 'failed', 'skipped'])
  })

  it('now,success=1 is a race that the first one wins', async () => {
    const { states, summary } = await statesWith(
      'now,success=1',
      [slow(), bad(), planned({ durationMs: 20 }), slow()],
      4,
    )
    expect(states).toEqual(['cancelled', 'failed', 'succeeded', 'cancelled'])
    expect(summary.halted).toBe('now,success=1')
  })

  it('soon,success=2', async () => {
    const { states } = await statesWith('soon,success=2', [ok(), bad(), ok(), ok()])
    expect(states).toEqual(['succeeded', 'failed', 'succeeded', 'skipped'])
  })

  it.each(['soon', 'now'])('%s,done=2 counts failures and successes', async (when) => {
    const { states } = await statesWith(`${when},done=2`, [ok(), bad(), ok(), ok()])
    expect(states).toEqual(['succeeded', 'failed', 'skipped', 'skipped'])
  })

  it.each<[string, number]>([
    ['soon,fail=50%', 5],
    ['now,fail=50%', 5],
    ['soon,fail=41%', 5],
    ['soon,success=20%', 2],
    ['soon,done=10%', 1],
    ['soon,done=100%', 10],
  ])('%s is of all tasks: %i of ten run', async (halt, run) => {
    const tasks = Array.from({ length: 10 }, () => (halt.includes('fail') ? bad() : ok()))
    const { started } = await statesWith(halt, tasks)
    expect(started).toBe(run)
  })

  it('never', async () => {
    expect((await statesWith('never', [bad(), bad(), ok()])).states).toEqual(['failed', 'failed', 'succeeded'])
  })

  it('counts what cannot be started, and what is no task', async () => {
    const missing = planned({ spawnError: 'ENOENT' })
    expect((await statesWith('soon,fail=2', [missing, { command: '' }, ok()])).states).toEqual([
      'spawn-failed',
      'invalid',
      'skipped',
    ])
  })

  it('is not met by what was cancelled or skipped because of it', async () => {
    const { summary } = await statesWith('now,fail=1', [bad(), slow(), slow(), ok()], 3)
    expect(summary).toMatchObject({ failures: 1, byState: { failed: 1, cancelled: 2, skipped: 1 } })
  })

  it('judges a percentage of a stream once its end is known', async () => {
    const stream = function* () {
      for (let n = 0; n < 10; n++) yield n < 3 ? bad() : ok()
    }
    const launcher = new FakeLauncher(planOfTask)
    const run = dispatch(stream(), { halt: 'soon,fail=30%', concurrency: 1, launcher })
    expect(await run.summary()).toMatchObject({ total: 10, byState: { failed: 3, succeeded: 7 } })
    const told = dispatch(stream(), { halt: 'soon,fail=30%', concurrency: 1, launcher, total: 10 })
    expect(await told.summary()).toMatchObject({ total: 3, halted: 'soon,fail=30%' })
    let seen = 0
    const later = dispatch(stream(), {
      halt: 'soon,fail=30%',
      concurrency: 1,
      launcher,
      onResult: () => {
        seen += 1
      },
      // As of a stream whose end is seen while it is read.
      total: () => (seen < 5 ? null : 10),
    })
    expect(later.progress().total).toBeNull()
    expect(await later.summary()).toMatchObject({ total: 5, halted: 'soon,fail=30%' })
    expect(later.progress().total).toBe(10)
  })

  it('says why: the error of what was not run', async () => {
    const { launcher, dispatcher } = create({ halt: 'now,fail=1', concurrency: 2 })
    for (const name of ['a', 'b', 'c']) void dispatcher.add(named(name))
    finish(launcher, 'a', 1)
    await dispatcher.dispatch()
    expect(statesOf(dispatcher)).toEqual(['failed', 'cancelled', 'skipped'])
    for (const { state, error } of dispatcher.finished) {
      if (state !== 'failed')
        expect(error).toMatchObject({ code: 'ERR_DROVER_HALTED', message: expect.stringContaining('now,fail=1') })
    }
  })

  it.each(['later', 'now,fail=0', '', 'soon,fail=200%'])('refuses %j', (halt) => {
    expect(() => new Dispatcher({ halt })).toThrow(OptionError)
    expect(() => dispatch([], { halt })).toThrow(OptionError)
  })

  it('leaves a dispatcher that takes tasks and skips them', async () => {
    const { launcher, dispatcher } = create({ halt: 'soon,fail=1' })
    void dispatcher.add(named('a'))
    finish(launcher, 'a', 1)
    await dispatcher.dispatch()
    expect(await dispatcher.add(named('b'))).toMatchObject({ state: 'skipped', attempt: 0, startedAt: null })
    expect(startedIn(launcher)).toEqual(['a'])
  })
})

describe('halt()', () => {
  it('can be called from a callback, and every task has one result', async () => {
    for (const when of ['soon', 'now'] as const) {
      const { launcher, dispatcher } = create({ concurrency: 2 })
      dispatcher.on('result', () => dispatcher.halt(when))
      for (let n = 0; n < 10; n++) void dispatcher.add(named(`${n}`))
      finish(launcher, '0')
      if (when === 'soon') finish(launcher, '1')
      await dispatcher.dispatch()
      expect(dispatcher.finished.map(({ index }) => index).sort((a, b) => a - b)).toEqual([
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
      ])
      expect(startedIn(launcher)).toEqual(['0', '1'])
    }
  })

  it('gives each task one result also when callbacks halt harder while it halts', async () => {
    const { launcher, dispatcher } = create({ concurrency: 4, retries: 3, backoffMs: 100_000 })
    for (const name of ['a', 'b', 'c', 'd']) void dispatcher.add(named(name))
    for (const name of ['a', 'b', 'c', 'd']) finish(launcher, name, 1)
    await settle()
    expect(dispatcher.progress()).toMatchObject({ queued: 4, running: 0 })
    let idle = 0
    dispatcher.on('idle', () => idle++)
    dispatcher.on('result', () => dispatcher.halt('now'))
    dispatcher.halt('soon')
    expect(await dispatcher.dispatch()).toMatchObject({ total: 4, byState: { cancelled: 4 } })
    expect(dispatcher.finished.map(({ index }) => index)).toEqual([0, 1, 2, 3])
    expect(idle).toBe(1)
  })

  it('soon and then now ends what soon had let run', async () => {
    const launcher = new FakeLauncher(() => ({ durationMs: 1_000_000 }))
    const dispatcher = new Dispatcher({ concurrency: 1, launcher, keepFinished: true })
    void dispatcher.add(named('a'))
    void dispatcher.add(named('b'))
    dispatcher.halt('soon')
    await settle()
    expect(statesOf(dispatcher)).toEqual(['skipped'])
    dispatcher.halt('now')
    await dispatcher.dispatch()
    expect(statesOf(dispatcher)).toEqual(['cancelled', 'skipped'])
  })

  it('tells the reason that is given', async () => {
    const { dispatcher } = create()
    void dispatcher.add(named('a'))
    const skipped = dispatcher.add(named('b'))
    dispatcher.halt('soon', { code: 'ERR_DROVER_SIGNAL', message: 'SIGINT' })
    expect((await skipped).error).toEqual({ code: 'ERR_DROVER_SIGNAL', message: 'SIGINT' })
    dispatcher.halt('now')
    await dispatcher.destroy()
  })

  it('from beforeStart starts nothing, not even that one', async () => {
    const controller = new AbortController()
    const launcher = new FakeLauncher()
    const dispatcher = new Dispatcher({
      launcher,
      signal: controller.signal,
      keepFinished: true,
      beforeStart: (task) => {
        controller.abort()
        return task
      },
    })
    void dispatcher.add(named('a'))
    void dispatcher.add(named('b'))
    await dispatcher.dispatch()
    expect(launcher.children).toEqual([])
    expect(dispatcher.finished).toMatchObject([
      { state: 'skipped', attempt: 0, index: 0 },
      { state: 'skipped', attempt: 0, index: 1 },
    ])
  })

  it('ends a run that is suspended', async () => {
    const launcher = new FakeLauncher(planOfTask)
    const run = dispatch([slow(), ok(), ok()], { concurrency: 1, launcher, killGraceMs: 0 })
    const summary = run.summary()
    await settle()
    run.suspend()
    run.halt('now')
    expect(await summary).toMatchObject({ total: 3, byState: { cancelled: 1, skipped: 2 } })
  })
})
