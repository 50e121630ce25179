import { afterEach, describe, expect, it, vi } from 'vitest'
import { Dispatcher } from '../../src/index.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { childOf, finish, named, settle, startedIn } from '../helpers/fake-tasks.js'
import { inFakeTime } from '../helpers/fake-time.js'
import { runProgram } from '../helpers/program.js'

afterEach(() => {
  vi.useRealTimers()
})

/** No child starts beyond as many as there is room for. */
const shortOf = (code: string, room: () => number) => {
  const launcher: FakeLauncher = new FakeLauncher(() =>
    launcher.running > room() ? { spawnError: code } : { durationMs: 3 },
  )
  return launcher
}

describe('a shortage of the system', () => {
  it.each(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'])('%s makes tasks wait, not fail', async (code) => {
    const launcher = shortOf(code, () => 3)
    const dispatcher = new Dispatcher({ concurrency: 20, launcher })
    const results = await Promise.all(Array.from({ length: 100 }, (_, n) => dispatcher.add(named(`${n}`))))
    expect(
      results.every(({ state, attempt, attempts }) => state === 'succeeded' && attempt === 1 && attempts === 1),
    ).toBe(true)
    expect(launcher.children.length).toBeLessThan(200)
  })

  it('is no attempt, and no retry is used up by it', async () => {
    const launcher = new FakeLauncher()
    const attempts: unknown[] = []
    const dispatcher = new Dispatcher({
      concurrency: 2,
      launcher,
      retries: 1,
      backoffMs: 0,
      onAttempt: (attempt) => void attempts.push(attempt),
    })
    void dispatcher.add(named('a'))
    const second = dispatcher.add(named('b'))
    childOf(launcher, 'b').failToStart('EAGAIN')
    await settle()
    expect(startedIn(launcher)).toEqual(['a', 'b'])
    expect(dispatcher.progress()).toMatchObject({ queued: 1, running: 1 })
    finish(launcher, 'a')
    await settle()
    finish(launcher, 'b')
    expect(await second).toMatchObject({ state: 'succeeded', attempt: 1 })
    expect(attempts).toEqual([])
  })

  it('that lasts with nothing else running becomes the result after some seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    const launcher = new FakeLauncher(() => ({ spawnError: 'EAGAIN' }))
    const dispatcher = new Dispatcher({ concurrency: 1, launcher, keepFinished: true })
    for (const name of ['a', 'b', 'c']) void dispatcher.add(named(name))
    const startedAt = performance.now()
    for (let n = 0; n < 1_000 && dispatcher.finished.length < 3; n++) {
      await vi.advanceTimersByTimeAsync(10)
      await settle()
    }
    expect(performance.now() - startedAt).toBeGreaterThan(1_000)
    expect(dispatcher.finished.map(({ state, error }) => [state, error?.code])).toEqual([
      ['spawn-failed', 'EAGAIN'],
      ['spawn-failed', 'EAGAIN'],
      ['spawn-failed', 'EAGAIN'],
    ])
  })

  it('that comes again and again, but is over each time, is waited for each time', () =>
    inFakeTime(async () => {
      let starts = 0
      const launcher = new FakeLauncher(() => (++starts % 6 === 0 ? {} : { spawnError: 'EAGAIN' }))
      const dispatcher = new Dispatcher({ concurrency: 1, launcher, keepFinished: true })
      for (const name of ['a', 'b', 'c', 'd']) void dispatcher.add(named(name))
      await dispatcher.dispatch()
      expect(dispatcher.finished.map(({ state }) => state)).toEqual(Array(4).fill('succeeded'))
      expect(starts).toBe(24)
    }))

  it('that is over lets as many run as before', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    let room = 2
    const launcher: FakeLauncher = new FakeLauncher(() =>
      launcher.running > room ? { spawnError: 'EAGAIN' } : { durationMs: 100 },
    )
    const dispatcher = new Dispatcher({ concurrency: 6, launcher, keepFinished: true })
    for (let n = 0; n < 400; n++) void dispatcher.add(named(`${n}`))
    const pass = async (times: number) => {
      for (let n = 0; n < times; n++) {
        await vi.advanceTimersByTimeAsync(50)
        await settle()
      }
    }
    await pass(10)
    room = 100
    launcher.mostRunning = 0
    await pass(200)
    expect(launcher.mostRunning).toBe(6)
    await pass(200)
    expect(dispatcher.finished.length).toBe(400)
    expect(dispatcher.finished.every(({ state }) => state === 'succeeded')).toBe(true)
  })

  it('does not outlive a stop: what waited for it is skipped', async () => {
    const launcher = new FakeLauncher(() => ({ spawnError: 'EMFILE' }))
    const dispatcher = new Dispatcher({ concurrency: 1, launcher })
    const task = dispatcher.add(named('a'))
    await settle()
    expect(dispatcher.progress()).toMatchObject({ queued: 1, running: 0 })
    dispatcher.halt('now')
    expect(await task).toMatchObject({ state: 'skipped', attempt: 0 })
    await dispatcher.dispatch()
  })

  it('of file descriptors: 200 tasks, 100 at once, succeed under ulimit -n 64', async () => {
    const program = `
      const tasks = Array.from({ length: 200 }, (_, n) => 'echo out' + n + '; sleep 0.02; echo err' + n + ' >&2')
      const wrong = []
      let count = 0
      for await (const result of drover.dispatch(tasks, { concurrency: 100 })) {
        count += 1
        const { index, state, stdout, stderr } = result
        if (state !== 'succeeded' || stdout !== 'out' + index + '\\n' || stderr !== 'err' + index + '\\n') wrong.push(result)
      }
      console.log(JSON.stringify({ count, wrong }))`
    const { stdout } = await runProgram(program, 'ulimit -n 64')
    expect(JSON.parse(stdout)).toEqual({ count: 200, wrong: [] })
  })
})
