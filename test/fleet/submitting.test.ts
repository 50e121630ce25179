import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import { parseQueueAddress } from '../../src/fleet/address.js'
import { Backend } from '../../src/fleet/backend.js'
import { cancel } from '../../src/fleet/cancel.js'
import { FleetWorker } from '../../src/fleet/fleet-worker.js'
import { QueueRunner } from '../../src/fleet/queue-runner.js'
import { status } from '../../src/fleet/status.js'
import { submit } from '../../src/fleet/submit.js'
import { checkWorkOptions } from '../../src/fleet/work-options.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { fleetOn, KINDS, linesIn } from './fleet-on.js'

describe.each(KINDS)('submitting and cancelling on %s', (kind) => {
  const fleet = fleetOn(kind)

  it('runs nothing twice that was submitted twice under one name, and later waits give the same results', async () => {
    fleet.newQueue()
    const file = fleet.file()
    const tasks = Array.from({ length: 20 }, (_, index) => `echo ${index} | tee -a ${file}`)
    expect(await submit(tasks, { queue: fleet.queue, run: 'night' })).toMatchObject({
      run: 'night',
      submitted: 20,
      invalid: 0,
    })
    await submit(tasks, { queue: fleet.queue, run: 'night' })
    expect(await status({ queue: fleet.queue, run: 'night' })).toMatchObject({
      tasks: { waiting: 20, running: 0, done: 0 },
      workers: [],
    })
    await fleet.worker({ name: 'here' })
    const first = await fleet.run(tasks, { run: 'night' })
    const second = await fleet.run(tasks, { run: 'night' })
    expect(first.map(({ stdout }) => stdout)).toEqual(tasks.map((_, index) => `${index}\n`))
    expect(second).toEqual(first.map((result) => ({ ...result, run: expect.any(String) })))
    expect(linesIn(file)).toHaveLength(20)
    expect(await status({ queue: fleet.queue, run: 'night' })).toMatchObject({
      tasks: { waiting: 0, running: 0, done: 20 },
    })
    expect((await status({ queue: fleet.queue })).workers).toMatchObject([{ name: 'here' }])
  })

  it('runs what has no conclusive result again when it is submitted again', async () => {
    fleet.newQueue()
    await fleet.worker()
    const seconds = uniqueSleep()
    const file = fleet.file()
    const tasks = [`if test -e ${file}; then echo now; else touch ${file}; sleep ${seconds}; fi`]
    const first = fleet.run(tasks, { run: 'again' })
    await until('it runs', () => existsSync(file))
    await cancel({ queue: fleet.queue, run: 'again' })
    expect(await first).toMatchObject([{ state: 'cancelled', error: { code: 'ERR_DROVER_CANCELLED' } }])
    expect(await fleet.run(tasks, { run: 'again' })).toMatchObject([{ state: 'succeeded', stdout: 'now\n' }])
  })

  it('runs what fails at once only once, also where what fails is to be run again', async () => {
    fleet.newQueue()
    const calls = new Map<string, number>()
    await fleet.worker({
      handler: ({ command }) => {
        calls.set(String(command), (calls.get(String(command)) ?? 0) + 1)
        throw new Error('no good')
      },
    })
    const tasks = Array.from({ length: 400 }, (_, n) => `nothing ${n}`)
    const options = { run: 'failing', again: (state: string) => state !== 'succeeded' }
    for (const times of [1, 2]) {
      expect((await fleet.run(tasks, options)).every(({ state }) => state === 'failed')).toBe(true)
      expect(calls.size).toBe(400)
      expect(new Set(calls.values())).toEqual(new Set([times]))
    }
  })

  it('goes on when the server is started again while tasks are handed over', async () => {
    fleet.newQueue()
    const count = 800
    let restarted: Promise<void> | null = null
    const tasks = async function* () {
      for (let n = 0; n < count; n++) {
        if (n === 400) {
          await fleet.server.stop()
          restarted = fleet.server.start()
        }
        yield `nothing ${n}`
      }
    }
    const { queue } = fleet
    expect(await submit(tasks(), { queue, run: 'alone' })).toMatchObject({ submitted: count })
    await restarted
    expect((await status({ queue })).tasks).toEqual({ waiting: count, running: 0, done: 0 })
    await fleet.worker({ concurrency: 50, handler: ({ command }) => command })
    const runner = await QueueRunner.open({ queue, run: 'waits' })
    try {
      const found: unknown[] = []
      for await (const { index, value, state } of dispatch(tasks(), { runner, concurrency: count }))
        found[index] = state === 'succeeded' ? value : state
      await restarted
      expect(found).toEqual(Array.from({ length: count }, (_, n) => `nothing ${n}`))
    } finally {
      await runner.close()
    }
  }, 60_000)

  it('ends a cancelled task on another worker within two seconds, tree and all; what waits is skipped', async () => {
    fleet.newQueue()
    await fleet.worker({ concurrency: 1 })
    const seconds = uniqueSleep()
    const stubborn = `trap '' TERM; (trap '' TERM; sleep ${seconds}) & setsid sleep ${seconds} & sleep ${seconds}; wait`
    const running = fleet.run([{ id: 'one', command: stubborn }, 'echo no'], { run: 'bad' })
    await until('all of it runs', () => processesWith(`sleep ${seconds}`).length >= 3)
    const askedMs = performance.now()
    expect(await cancel({ queue: fleet.queue, run: 'bad' })).toEqual({ running: 1 })
    await until('nothing of it is left', () => processesWith(`sleep ${seconds}`).length === 0, 2_000)
    expect(performance.now() - askedMs).toBeLessThan(2_000)
    expect(await running).toMatchObject([
      { state: 'cancelled', error: { code: 'ERR_DROVER_CANCELLED' } },
      { state: 'skipped', error: { code: 'ERR_DROVER_CANCELLED' } },
    ])
  })

  it('begins nothing that was cancelled before the worker came', async () => {
    fleet.newQueue()
    const { queue } = fleet
    await submit(
      Array.from({ length: 40 }, (_, n) => `nothing ${n}`),
      { queue, run: 'gone' },
    )
    await cancel({ queue, run: 'gone' })
    let [calls, hears] = [0, () => {}]
    const backend = await Backend.load(parseQueueAddress(queue))
    const events = backend.events.bind(backend)
    // Of what is cancelled from now on it hears late.
    backend.events = (name) => {
      const late = new Promise<void>((resolve) => {
        hears = resolve
      })
      return Object.assign(events(name), { waitUntilReady: () => late })
    }
    const handler = () => {
      calls += 1
    }
    const worker = new FleetWorker(backend, checkWorkOptions({ queue, concurrency: 8, handler }))
    try {
      await until('all have a result', async () => (await status({ queue })).tasks.done === 40)
      expect(calls).toBe(0)
      expect(worker.counts().byState.skipped).toBe(40)
    } finally {
      hears()
      await worker.destroy()
    }
  })

  it('ends one task of a run by its id, and the others go on', async () => {
    fleet.newQueue()
    await fleet.worker()
    const [long, short] = [uniqueSleep(), '0.5']
    const tasks = [
      { id: 'x/1', command: 'sleep', args: [long] },
      { id: 'y', command: 'sleep', args: [short] },
    ]
    const running = fleet.run(tasks, { run: 'two' })
    await until('it runs', () => processesWith(long).length > 0)
    await cancel({ queue: fleet.queue, run: 'two', task: 'x/1' })
    expect(await running).toMatchObject([{ state: 'cancelled' }, { state: 'succeeded' }])
  })
})
