import { describe, expect, it } from 'vitest'
import { Dispatcher, dispatch } from '../../src/index.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { childOf, named, settle } from '../helpers/fake-tasks.js'
import { elapse, inFakeTime } from '../helpers/fake-time.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'

const failure = new Error('the disk is full')

describe('onOutput', () => {
  it('gets all output, by task, attempt and stream', async () => {
    const seen: [string, number, number, string, string][] = []
    const dispatcher = new Dispatcher({
      concurrency: 1,
      onOutput: ({ task, index, attempt, stream, chunk }) =>
        void seen.push([String(task.command), index, attempt, stream, chunk.toString()]),
    })
    void dispatcher.add('echo a')
    void dispatcher.add('echo b >&2')
    await dispatcher.dispatch()
    expect(seen).toEqual([
      ['echo a', 0, 1, 'stdout', 'a\n'],
      ['echo b >&2', 1, 1, 'stderr', 'b\n'],
    ])
  })

  it('makes the child wait while its promise is pending', async () => {
    let bytes = 0
    let open = false
    const rooms: (() => void)[] = []
    const dispatcher = new Dispatcher({
      onOutput: ({ chunk }) => {
        bytes += chunk.length
        if (open) return undefined
        return new Promise<void>((resolve) => rooms.push(resolve))
      },
    })
    let ended = false
    const result = dispatcher.add('head -c 2000000 /dev/zero').finally(() => (ended = true))
    await until('the first piece has come', () => bytes > 0)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(bytes).toBeLessThan(1_000_000)
    expect(ended).toBe(false)
    open = true
    for (const room of rooms) room()
    await until('all has come', () => ended)
    expect(bytes).toBe(2_000_000)
    expect(await result).toMatchObject({ state: 'succeeded', stdoutBytes: 2_000_000, pipeHeld: false })
  })

  it('waits for every piece that it was given, and for the last one before there is a result', async () => {
    const launcher = new FakeLauncher()
    const rooms: (() => void)[] = []
    const dispatcher = new Dispatcher({ launcher, onOutput: () => new Promise<void>((resolve) => rooms.push(resolve)) })
    let ended = false
    const result = dispatcher.add(named('a')).finally(() => (ended = true))
    const child = childOf(launcher, 'a')
    child.spawn()
    child.print('stdout', 'one')
    expect(child.paused.stdout).toBe(true)
    child.print('stdout', 'two')
    rooms[0]!()
    await settle()
    expect(child.paused.stdout).toBe(true)
    child.exit()
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(ended).toBe(false)
    rooms[1]!()
    expect(await result).toMatchObject({ state: 'succeeded', stdout: 'onetwo', pipeHeld: false })
  })

  it('that had no room for long leaves what holds the output open the whole grace from then on', () =>
    inFakeTime(async () => {
      const launcher = new FakeLauncher()
      let room: (() => void) | null = null
      const onOutput = () => (room === null ? new Promise<void>((resolve) => (room = resolve)) : undefined)
      const dispatcher = new Dispatcher({ launcher, onOutput, pipeGraceMs: 200 })
      const result = dispatcher.add(named('a'))
      const child = childOf(launcher, 'a')
      child.spawn()
      child.print('stdout', 'one ')
      child.exit({ held: true })
      await elapse(10_000)
      room!()
      await elapse(150)
      child.print('stdout', 'two')
      for (const stream of ['stdout', 'stderr'] as const) child.endOutput(stream)
      expect(await result).toMatchObject({ state: 'succeeded', stdout: 'one two', pipeHeld: false })
      await dispatcher.dispatch()
    }))

  it.each<[string, () => Promise<void>]>([
    [
      'throws',
      () => {
        throw failure
      },
    ],
    ['rejects', () => Promise.reject(failure)],
  ])('ends the run when it %s', async (_how, onOutput) => {
    const seconds = uniqueSleep()
    const dispatcher = new Dispatcher({ onOutput, concurrency: 2 })
    const task = dispatcher.add(`echo a; sleep ${seconds}`)
    void dispatcher.add(`sleep ${seconds}`)
    await expect(dispatcher.dispatch()).rejects.toBe(failure)
    await expect(task).rejects.toBe(failure)
    expect(processesWith(seconds)).toEqual([])
  })

  it('does not keep a run that is ended waiting when it is stuck', async () => {
    const controller = new AbortController()
    const run = dispatch(['yes'], { onOutput: () => new Promise(() => {}), signal: controller.signal })
    const summary = run.summary()
    await until('it runs', () => run.progress().running === 1)
    setTimeout(() => controller.abort(), 100)
    expect(await summary).toMatchObject({ byState: { cancelled: 1 } })
  })
})
