import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import { withQueue } from '../../src/fleet/open-queue.js'
import { QueueRunner } from '../../src/fleet/queue-runner.js'
import { status } from '../../src/fleet/status.js'
import { submit } from '../../src/fleet/submit.js'
import type { Result } from '../../src/task/result.js'
import type { Task } from '../../src/task/task.js'
import { until } from '../helpers/until.js'
import { fleetOn, KINDS, linesIn } from './fleet-on.js'

describe.each(KINDS)('the results of a fleet on %s', (kind) => {
  const fleet = fleetOn(kind)

  it('gives the results that a run here gives, and where they come from', async () => {
    fleet.newQueue()
    await fleet.worker()
    const tasks: Task[] = [
      { id: 'a', command: 'echo', args: ['out'], meta: { mine: 1 } },
      { command: 'echo err >&2; exit 3' },
      { command: 'sleep', args: ['30'], timeoutMs: 100 },
      { command: '/no/such/program', args: [] },
      { command: 'kill -9 $$' },
      { command: 'cat', args: [], stdin: { base64: Buffer.from([0, 255, 10]).toString('base64') } },
      { command: Buffer.from('printf "\\0%s" "$V"'), env: { V: 'ä' } },
    ]
    const here: Result[] = []
    for await (const result of dispatch(tasks, { keys: true })) here.push(result)
    here.sort((a, b) => a.index - b.index)
    const there = await fleet.run(tasks)
    const known = ({ id, key, index, state, exitCode, signal, stdout, stderr, stdoutBase64, args, meta }: Result) => ({
      id,
      key,
      index,
      state,
      exitCode,
      signal,
      stdout,
      stderr,
      stdoutBase64,
      args,
      meta,
    })
    expect(there.map(known)).toEqual(here.map(known))
    expect(there.map(({ state }) => state)).toEqual([
      'succeeded',
      'failed',
      'timed-out',
      'spawn-failed',
      'killed',
      'succeeded',
      'succeeded',
    ])
    for (const result of there) expect(result.host).toBe(hostname())
    expect(there.map(({ error }) => error?.code ?? null)).toEqual(here.map(({ error }) => error?.code ?? null))
    expect(there[0]!.queuedMs).toBeGreaterThanOrEqual(0)
    expect(there[0]!.durationMs).toBeGreaterThan(0)
  })

  it('tells which tasks a worker has taken, and which still wait for one', async () => {
    fleet.newQueue()
    const runner = await QueueRunner.open({ queue: fleet.queue })
    const going = dispatch(Array(6).fill('sleep 600'), { runner, concurrency: 100 })
    const summary = going.summary()
    await until('all are handed over', () => going.progress().queued === 6)
    expect(going.progress().running).toBe(0)
    expect(going.steering.tasks()).toHaveLength(6)
    expect(going.steering.tasks(2).map(({ state, durationMs }) => [state, durationMs])).toEqual(
      Array(2).fill(['waiting', 0]),
    )
    await fleet.worker({ concurrency: 2 })
    await until('two run', () => going.progress().running === 2)
    expect(going.progress().queued).toBe(4)
    expect(going.steering.tasks().map(({ state }) => state)).toEqual([
      ...Array(2).fill('running'),
      ...Array(4).fill('waiting'),
    ])
    going.halt('now')
    // A worker that had just got room may have taken one before it was taken back, and says that it was never started.
    const { cancelled, skipped, ...others } = (await summary).byState
    expect(cancelled).toBeGreaterThanOrEqual(2)
    expect(cancelled + skipped).toBe(6)
    expect(Object.values(others).every((count) => count === 0)).toBe(true)
    expect(going.progress()).toMatchObject({ running: 0, queued: 0, done: 6 })
    await runner.close()
  })

  it('tries a task again where it runs, and the result tells which try it was', async () => {
    fleet.newQueue()
    await fleet.worker({ backoffMs: 1 })
    const mark = fleet.file()
    const [result] = await fleet.run([{ command: `test -e ${mark} || { touch ${mark}; exit 1; }`, retries: 2 }])
    expect(result).toMatchObject({ state: 'succeeded', attempt: 2, attempts: 3 })
  })

  it('starts tasks of a higher priority first', async () => {
    fleet.newQueue()
    const priorities = [0, -5, 7, 0, 1_000]
    const file = fleet.file()
    await submit(
      priorities.map((priority, index) => ({ command: `echo ${index} >> ${file}`, priority })),
      { queue: fleet.queue, run: 'p' },
    )
    const one = await fleet.worker({ concurrency: 1 })
    await until('all are done', () => one.counts().byState.succeeded === 5)
    expect(linesIn(file)).toEqual(['4', '2', '0', '3', '1'])
  })

  it('gives what is no task a result that says so, and takes nothing for a task that is not under its own name', async () => {
    fleet.newQueue()
    const good = { v: 1 as const, run: 'r', index: 0, key: 'k', task: '{"command":"true"}', at: Date.now() }
    await withQueue(fleet.queue, {}, async ({ queue: bull }) => {
      await bull.addBulk([
        { name: 'task', data: { ...good, key: 'a', task: 'no json' }, opts: { jobId: 'r.a' } },
        { name: 'task', data: { ...good, key: 'b', task: '{"command":7}' }, opts: { jobId: 'r.b' } },
        { name: 'task', data: { ...good, key: 'c', v: 2 as never }, opts: { jobId: 'r.c' } },
        { name: 'task', data: { ...good, key: 'd' }, opts: { jobId: 'other.d' } },
        { name: 'task', data: null as never, opts: { jobId: 'r.e' } },
      ])
    })
    const one = await fleet.worker()
    await until('all are done', () => one.counts().byState.invalid === 5)
    expect(one.counts()).toMatchObject({ refused: { ERR_DROVER_INPUT: 5 } })
    await until('all are recorded', async () => (await status({ queue: fleet.queue })).tasks.done === 5)
    expect(await status({ queue: fleet.queue })).toMatchObject({ tasks: { waiting: 0, running: 0, done: 5 } })
  })

  it('keeps large outputs on the worker, and cuts what goes through the queue', async () => {
    fleet.newQueue()
    await fleet.worker({ maxOutputBytes: 1_000 })
    const [large, small] = await fleet.run(['seq 10000; echo end >&2', 'echo small'])
    expect(large).toMatchObject({ truncated: true, stdoutBytes: 48_894, stderr: 'end\n' })
    expect(large!.stdout.length).toBeLessThan(1_100)
    expect(large!.stderrFile).toBeUndefined()
    expect(linesIn(large!.stdoutFile!)).toHaveLength(10_000)
    expect(small).toMatchObject({ truncated: false, stdout: 'small\n' })
    expect(small!.stdoutFile).toBeUndefined()
  })
})
