import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import { cancel } from '../../src/fleet/cancel.js'
import { type FleetWorker, work } from '../../src/fleet/fleet-worker.js'
import { limit } from '../../src/fleet/limits.js'
import { withQueue } from '../../src/fleet/open-queue.js'
import { QueueRunner, type QueueRunnerOptions } from '../../src/fleet/queue-runner.js'
import { status } from '../../src/fleet/status.js'
import { submit } from '../../src/fleet/submit.js'
import type { WorkOptions } from '../../src/fleet/work-options.js'
import type { Result } from '../../src/task/result.js'
import type { Task } from '../../src/task/task.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { SERVERS, type TestServer } from './support.js'

describe.each(['Redis', 'PostgreSQL'] as const)('a fleet on %s', (kind) => {
  let server: TestServer
  let folder: string
  let queue: string
  let count = 0
  const workers: FleetWorker[] = []

  beforeAll(async () => {
    server = await SERVERS[kind]()
    folder = mkdtempSync(join(tmpdir(), 'drover-fleet-'))
  }, 120_000)
  afterAll(async () => {
    await server?.remove()
    rmSync(folder, { recursive: true, force: true })
  })
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.destroy()))
  })
  const newQueue = () => {
    queue = server.address(`q${++count}-${process.pid}`)
    return queue
  }
  const worker = async (options: Partial<WorkOptions> = {}) => {
    const started = await work({ queue, concurrency: 4, outputs: join(folder, 'outputs'), ...options })
    workers.push(started)
    await started.ready()
    return started
  }
  const run = async (tasks: readonly (Task | string)[], options: Partial<QueueRunnerOptions> = {}) => {
    const runner = await QueueRunner.open({ queue, ...options })
    try {
      const results: Result[] = []
      for await (const result of dispatch(tasks, { runner, concurrency: 100 })) results.push(result)
      return results.sort((a, b) => a.index - b.index)
    } finally {
      await runner.close()
    }
  }
  const lines = (file: string) => readFileSync(file, 'utf8').split('\n').filter(Boolean)

  /** The most that ran at once, of tasks that log a plus and a minus. */
  const mostAtOnce = (file: string) => {
    let [running, most] = [0, 0]
    for (const line of lines(file)) {
      running += line === '+' ? 1 : -1
      most = Math.max(most, running)
    }
    return most
  }
  const logging = (file: string, count: number) =>
    Array.from({ length: count }, () => `echo + >> ${file}; sleep 0.05; echo - >> ${file}`)

  it('gives the results that a run here gives, and where they come from', async () => {
    newQueue()
    await worker()
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
    const there = await run(tasks)
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
    newQueue()
    const runner = await QueueRunner.open({ queue })
    const going = dispatch(Array(6).fill('sleep 600'), { runner, concurrency: 100 })
    const summary = going.summary()
    await until('all are handed over', () => going.progress().queued === 6)
    expect(going.progress().running).toBe(0)
    expect(going.steering.tasks()).toHaveLength(6)
    expect(going.steering.tasks(2).map(({ state, durationMs }) => [state, durationMs])).toEqual(
      Array(2).fill(['waiting', 0]),
    )
    await worker({ concurrency: 2 })
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
    newQueue()
    await worker({ backoffMs: 1 })
    const mark = join(folder, 'tried')
    const [result] = await run([{ command: `test -e ${mark} || { touch ${mark}; exit 1; }`, retries: 2 }])
    expect(result).toMatchObject({ state: 'succeeded', attempt: 2, attempts: 3 })
  })

  it('runs nothing twice that was submitted twice under one name, and later waits give the same results', async () => {
    newQueue()
    const file = join(folder, `once-${kind}`)
    const tasks = Array.from({ length: 20 }, (_, index) => `echo ${index} | tee -a ${file}`)
    expect(await submit(tasks, { queue, run: 'night' })).toMatchObject({ run: 'night', submitted: 20, invalid: 0 })
    await submit(tasks, { queue, run: 'night' })
    expect(await status({ queue, run: 'night' })).toMatchObject({
      tasks: { waiting: 20, running: 0, done: 0 },
      workers: [],
    })
    await worker({ name: 'here' })
    const first = await run(tasks, { run: 'night' })
    const second = await run(tasks, { run: 'night' })
    expect(first.map(({ stdout }) => stdout)).toEqual(tasks.map((_, index) => `${index}\n`))
    expect(second).toEqual(first.map((result) => ({ ...result, run: expect.any(String) })))
    expect(lines(file)).toHaveLength(20)
    expect(await status({ queue, run: 'night' })).toMatchObject({ tasks: { waiting: 0, running: 0, done: 20 } })
    expect((await status({ queue })).workers).toMatchObject([{ name: 'here' }])
  })

  it('runs what has no conclusive result again when it is submitted again', async () => {
    newQueue()
    await worker()
    const seconds = uniqueSleep()
    const file = join(folder, `again-${kind}`)
    const tasks = [`if test -e ${file}; then echo now; else touch ${file}; sleep ${seconds}; fi`]
    const first = run(tasks, { run: 'again' })
    await until('it runs', () => existsSync(file))
    await cancel({ queue, run: 'again' })
    expect(await first).toMatchObject([{ state: 'cancelled', error: { code: 'ERR_DROVER_CANCELLED' } }])
    expect(await run(tasks, { run: 'again' })).toMatchObject([{ state: 'succeeded', stdout: 'now\n' }])
  })

  it('ends a cancelled task on another worker within two seconds, tree and all; what waits is skipped', async () => {
    newQueue()
    await worker({ concurrency: 1 })
    const seconds = uniqueSleep()
    const stubborn = `trap '' TERM; (trap '' TERM; sleep ${seconds}) & setsid sleep ${seconds} & sleep ${seconds}; wait`
    const running = run([{ id: 'one', command: stubborn }, 'echo no'], { run: 'bad' })
    await until('all of it runs', () => processesWith(`sleep ${seconds}`).length >= 3)
    const askedMs = performance.now()
    expect(await cancel({ queue, run: 'bad' })).toEqual({ running: 1 })
    await until('nothing of it is left', () => processesWith(`sleep ${seconds}`).length === 0, 2_000)
    expect(performance.now() - askedMs).toBeLessThan(2_000)
    expect(await running).toMatchObject([
      { state: 'cancelled', error: { code: 'ERR_DROVER_CANCELLED' } },
      { state: 'skipped', error: { code: 'ERR_DROVER_CANCELLED' } },
    ])
  })

  it('ends one task of a run by its id, and the others go on', async () => {
    newQueue()
    await worker()
    const [long, short] = [uniqueSleep(), '0.5']
    const tasks = [
      { id: 'x/1', command: 'sleep', args: [long] },
      { id: 'y', command: 'sleep', args: [short] },
    ]
    const running = run(tasks, { run: 'two' })
    await until('it runs', () => processesWith(long).length > 0)
    await cancel({ queue, run: 'two', task: 'x/1' })
    expect(await running).toMatchObject([{ state: 'cancelled' }, { state: 'succeeded' }])
  })

  it('gives a task nothing of its environment but what is named', async () => {
    newQueue()
    process.env.DROVER_TEST_SECRET = 'secret'
    process.env.DROVER_TEST_PASSED = 'passed'
    try {
      await worker({ passEnv: ['DROVER_TEST_PAS*'] })
      const [result] = await run([{ command: 'env', args: [], env: { OWN: 'own' } }])
      const names = linesOf(result!.stdout)
        .map((line) => line.slice(0, line.indexOf('=')))
        .filter((name) => !/^DROVER_(?!TEST)/.test(name))
      expect(names.sort()).toEqual(['DROVER_TEST_PASSED', 'HOME', 'LANG', 'LOGNAME', 'OWN', 'PATH', 'SHELL', 'USER'])
      expect(result!.stdout).not.toContain('secret')
    } finally {
      delete process.env.DROVER_TEST_SECRET
      delete process.env.DROVER_TEST_PASSED
    }
  })

  it('runs only programs that are allowed, by their whole path', async () => {
    newQueue()
    const bin = mkdtempSync(join(folder, 'bin-'))
    writeFileSync(join(bin, 'echo'), '#!/bin/sh\n/bin/echo fake\n', { mode: 0o755 })
    const one = await worker({ allow: ['echo', '/bin/cat'], passEnv: ['LANG'] })
    const results = await run([
      { command: 'echo', args: ['yes'] },
      { command: 'echo', args: ['mine'], env: { PATH: bin } },
      { command: 'cat', args: ['/etc/passwd'] },
      { command: '/bin/cat', args: ['/dev/null'], env: { LANG: 'C' } },
      { command: 'sh', args: ['-c', 'echo no'] },
      'echo no',
    ])
    expect(results.map(({ state, error }) => error?.code ?? state)).toEqual([
      'succeeded',
      'ERR_DROVER_NOT_ALLOWED',
      'ERR_DROVER_NOT_ALLOWED',
      'succeeded',
      'ERR_DROVER_NOT_ALLOWED',
      'ERR_DROVER_NOT_ALLOWED',
    ])
    expect(results[0]!.stdout).toBe('yes\n')
    expect(one.counts()).toMatchObject({ refused: { ERR_DROVER_NOT_ALLOWED: 4 }, byState: { invalid: 4 } })
  })

  it('keeps large outputs on the worker, and cuts what goes through the queue', async () => {
    newQueue()
    await worker({ maxOutputBytes: 1_000 })
    const [large, small] = await run(['seq 10000; echo end >&2', 'echo small'])
    expect(large).toMatchObject({ truncated: true, stdoutBytes: 48_894, stderr: 'end\n' })
    expect(large!.stdout.length).toBeLessThan(1_100)
    expect(large!.stderrFile).toBeUndefined()
    expect(lines(large!.stdoutFile!)).toHaveLength(10_000)
    expect(small).toMatchObject({ truncated: false, stdout: 'small\n' })
    expect(small!.stdoutFile).toBeUndefined()
  })

  it('finishes what runs when it is closed, and hands back what it has not started', async () => {
    newQueue()
    const one = await worker({ concurrency: 2, name: 'one' })
    // The second one waits for the first one's slots.
    const tasks = [
      { command: 'sleep 0.5; echo first', weight: 2 },
      { command: 'echo second', weight: 2 },
      { command: 'echo third' },
    ]
    const running = run(tasks)
    await until('it has both', () => one.counts().active === 2)
    await one.close()
    expect(one.counts()).toMatchObject({ byState: { succeeded: 1, skipped: 0, cancelled: 0 }, handedBack: 1 })
    expect(await status({ queue })).toMatchObject({ tasks: { waiting: 2, running: 0, done: 1 } })
    await worker({ name: 'two' })
    expect((await running).map(({ stdout }) => stdout)).toEqual(['first\n', 'second\n', 'third\n'])
  })

  it('hands back what runs when it is destroyed, and another worker runs it', async () => {
    newQueue()
    const one = await worker()
    const seconds = uniqueSleep()
    const file = join(folder, `destroyed-${kind}`)
    const running = run([`if test -e ${file}; then echo there; else touch ${file}; sleep ${seconds}; fi`])
    await until('it runs', () => existsSync(file))
    await one.destroy()
    expect(processesWith(seconds)).toEqual([])
    // One that was on its way to it may come, and be handed back as well.
    expect(one.counts().handedBack).toBeGreaterThanOrEqual(1)
    expect(one.counts().byState.cancelled).toBe(0)
    await worker()
    expect(await running).toMatchObject([{ state: 'succeeded', stdout: 'there\n' }])
  })

  it('takes short tasks ahead of a free slot, and gives back what turns out to have to wait', async () => {
    newQueue()
    const one = await worker({ concurrency: 1, name: 'one' })
    await run(Array.from({ length: 30 }, () => 'true'))
    // On PostgreSQL an idle worker may learn of what was given back only when it next asks, within five seconds.
    const long = kind === 'Redis' ? 3 : 8
    const running = run([`sleep ${long}; echo long`, 'echo waits'])
    await until('it has both', () => one.counts().active === 2)
    await worker({ concurrency: 1, name: 'two' })
    await until('it is given back', () => one.counts().handedBack > 0)
    expect((await running).map(({ stdout }) => stdout)).toEqual(['long\n', 'waits\n'])
    expect(one.counts().byState).toMatchObject({ succeeded: 31, skipped: 0, cancelled: 0 })
  })

  it('starts tasks of a higher priority first', async () => {
    newQueue()
    const priorities = [0, -5, 7, 0, 1_000]
    const file = join(folder, `priorities-${kind}`)
    await submit(
      priorities.map((priority, index) => ({ command: `echo ${index} >> ${file}`, priority })),
      { queue, run: 'p' },
    )
    const one = await worker({ concurrency: 1 })
    await until('all are done', () => one.counts().byState.succeeded === 5)
    expect(lines(file)).toEqual(['4', '2', '0', '3', '1'])
  })

  it('runs no more at once on all workers together than the limit says', async () => {
    newQueue()
    await limit({ queue, concurrency: 2 })
    await Promise.all([worker(), worker()])
    const file = join(folder, `limit-${kind}`)
    expect((await run(logging(file, 12))).every(({ state }) => state === 'succeeded')).toBe(true)
    expect(mostAtOnce(file)).toBeLessThanOrEqual(2)
    expect(await limit({ queue, concurrency: null })).toEqual({ concurrency: null, rate: null })
  })

  it('keeps the limit of a tag on all workers together, and runs others meanwhile', async () => {
    newQueue()
    expect(await limit({ queue, tag: 'few', concurrency: 1 })).toEqual({ concurrency: 1, rate: null })
    await Promise.all([worker(), worker()])
    const file = join(folder, `tag-${kind}`)
    const few = run(logging(file, 6), { tag: 'few' })
    expect(await run(['echo free'], { tag: 'other' })).toMatchObject([{ state: 'succeeded' }])
    expect((await few).every(({ state }) => state === 'succeeded')).toBe(true)
    expect(lines(file)).toHaveLength(12)
    expect(mostAtOnce(file)).toBe(1)
  })

  it('keeps the rate of a tag', async () => {
    newQueue()
    await limit({ queue, tag: 'slow', rate: { max: 2, perMs: 500 } })
    await worker()
    const results = await run(
      Array.from({ length: 6 }, () => 'true'),
      { tag: 'slow' },
    )
    const starts = results.map(({ startedAt }) => Date.parse(startedAt!)).sort((a, b) => a - b)
    // Two in each half second: the last two are two of those after the first.
    expect(starts[5]! - starts[0]!).toBeGreaterThan(700)
  })

  it('keeps slots on the server whose name begins with that of the queue', async () => {
    newQueue()
    const name = new URL(queue).searchParams.get('queue')
    await limit({ queue, tag: 'licences', concurrency: 2 })
    await Promise.all([worker({ slots: `${name}/licences` }), worker({ slots: `${name}/licences` })])
    const file = join(folder, `slots-${kind}`)
    expect((await run(logging(file, 10))).every(({ state }) => state === 'succeeded')).toBe(true)
    expect(mostAtOnce(file)).toBeLessThanOrEqual(2)
  })

  it('runs handlers in this process, with what they return and throw', async () => {
    newQueue()
    await worker({
      handler: async ({ stdin }) => {
        if (stdin === 'bad') throw new Error('no good')
        return { length: String(stdin).length }
      },
    })
    expect(
      await run([
        { command: 'measure', stdin: 'four' },
        { command: 'measure', stdin: 'bad' },
      ]),
    ).toMatchObject([
      { state: 'succeeded', value: { length: 4 } },
      { state: 'failed', error: { code: 'ERR_DROVER_HANDLER', message: 'no good' } },
    ])
  })

  it('calls a handler no more at once than it was told, though more tasks are taken ahead', async () => {
    newQueue()
    let [running, most, taken] = [0, 0, 0]
    const started = await worker({
      concurrency: 3,
      handler: async () => {
        most = Math.max(most, ++running)
        taken = Math.max(taken, started.counts().active)
        await new Promise((resolve) => setImmediate(resolve))
        running -= 1
      },
    })
    const results = await run(Array.from({ length: 400 }, (_, n) => `nothing ${n}`))
    expect(results.every(({ state }) => state === 'succeeded')).toBe(true)
    expect(most).toBe(3)
    expect(taken).toBeGreaterThan(3)
  })

  it('hands back what was taken ahead for a handler that takes long when it is closed', async () => {
    newQueue()
    const quick = await worker({ concurrency: 1, handler: async () => {} })
    await run(Array.from({ length: 50 }, (_, n) => `quick ${n}`))
    await quick.close()
    let begun = 0
    let finish = () => {}
    const slow = await worker({
      concurrency: 1,
      handler: ({ stdin }) =>
        stdin === 'slow'
          ? new Promise<void>((resolve) => {
              begun += 1
              finish = resolve
            })
          : undefined,
    })
    const warm = run(Array.from({ length: 50 }, (_, n) => `warm ${n}`))
    await warm
    const { run: name } = await submit(
      Array.from({ length: 5 }, (_, n) => ({ command: `slow ${n}`, stdin: 'slow' })),
      { queue },
    )
    await until('the first has begun', () => begun === 1)
    const closed = slow.close()
    finish()
    await closed
    expect(begun).toBe(1)
    const next = await worker({ concurrency: 5, handler: async () => {} })
    await until('all have a result', async () => (await status({ queue, run: name })).tasks.done === 5)
    expect(next.counts().byState.succeeded).toBe(4)
  })

  it('gives what is no task a result that says so, and takes nothing for a task that is not under its own name', async () => {
    newQueue()
    const good = { v: 1 as const, run: 'r', index: 0, key: 'k', task: '{"command":"true"}', at: Date.now() }
    await withQueue(queue, {}, async ({ queue: bull }) => {
      await bull.addBulk([
        { name: 'task', data: { ...good, key: 'a', task: 'no json' }, opts: { jobId: 'r.a' } },
        { name: 'task', data: { ...good, key: 'b', task: '{"command":7}' }, opts: { jobId: 'r.b' } },
        { name: 'task', data: { ...good, key: 'c', v: 2 as never }, opts: { jobId: 'r.c' } },
        { name: 'task', data: { ...good, key: 'd' }, opts: { jobId: 'other.d' } },
        { name: 'task', data: null as never, opts: { jobId: 'r.e' } },
      ])
    })
    const one = await worker()
    await until('all are done', () => one.counts().byState.invalid === 5)
    expect(one.counts()).toMatchObject({ refused: { ERR_DROVER_INPUT: 5 } })
    await until('all are recorded', async () => (await status({ queue })).tasks.done === 5)
    expect(await status({ queue })).toMatchObject({ tasks: { waiting: 0, running: 0, done: 5 } })
  })
})

function linesOf(text: string): string[] {
  return text.split('\n').filter(Boolean)
}
