import { getEventListeners } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Process, run } from '../../src/index.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'

describe('Process', () => {
  it('is a command with a name that does nothing before it is started', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-process-'))
    const child = new Process('touch', [join(folder, 'started')], { name: 'toucher', id: '7' })
    expect(child).toMatchObject({ name: 'toucher', pid: null, started: false, finished: false })
    expect(child.task).toMatchObject({ command: 'touch', id: '7' })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(existsSync(join(folder, 'started'))).toBe(false)
    expect(child.start()).toBe(child)
    expect(child.started).toBe(true)
    expect(await child.result).toMatchObject({ state: 'succeeded', id: '7' })
    expect(existsSync(join(folder, 'started'))).toBe(true)
    rmSync(folder, { recursive: true })
  })

  it('is called by its id where it has no name', () => {
    expect(new Process('date', { id: '7' }).name).toBe('7')
    expect(new Process({ command: 'date', name: 'clock' }).name).toBe('clock')
    expect(new Process('date').name).toBeNull()
  })

  it('says when it has finished, and keeps its pid', async () => {
    const child = new Process('echo $$').start()
    expect(child.finished).toBe(false)
    const result = await child.result
    expect(child.finished).toBe(true)
    expect(result.pid).toBe(child.pid)
    expect(result.stdout).toBe(`${child.pid}\n`)
  })

  it('has a pid soon after its start', async () => {
    const child = new Process('sleep', [uniqueSleep()]).start()
    await until('the pid is known', () => child.pid !== null)
    await child.kill({ graceMs: 0 })
  })

  it('can be started once', async () => {
    const child = new Process('true')
    child.start()
    expect(() => child.start()).toThrow(/started or ended before/)
    await child.result
    expect(() => child.start()).toThrow(/started or ended before/)
  })

  it('has finished also when it could not start', async () => {
    const child = new Process('drover-no-such-program', []).start()
    expect(await child.result).toMatchObject({ state: 'spawn-failed', error: { code: 'ENOENT' }, attempt: 1 })
    expect(child.finished).toBe(true)
    for await (const line of child.stdout) throw new Error(line)
    await child.kill()
  })

  it('is ended where it goes out of scope', async () => {
    const seconds = uniqueSleep()
    {
      await using child = new Process(`sleep ${seconds}; true`).start()
      await until('it runs', () => processesWith(seconds).length > 0)
      expect(child.finished).toBe(false)
    }
    expect(processesWith(seconds)).toEqual([])
  })

  it('can be disposed of without ever having been started', async () => {
    await new Process('true')[Symbol.asyncDispose]()
  })

  it('sends signals to the whole tree', async () => {
    const child = new Process('trap "echo got; exit 5" USR1; echo ready; while :; do sleep 0.01; done').start()
    for await (const line of child.stdout) {
      if (line === 'ready') expect(await child.signal('SIGUSR1')).toBeGreaterThan(0)
    }
    expect(await child.result).toMatchObject({ state: 'failed', exitCode: 5, stdout: 'ready\ngot\n' })
    expect(await child.signal('SIGUSR1')).toBe(0)
  })
})

describe('AbortSignal', () => {
  it('prevents the start when it is aborted before', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-abort-'))
    const witness = join(folder, 'started')
    const signal = AbortSignal.abort(new Error('changed my mind'))
    const child = new Process(`touch ${witness}`, { signal }).start()
    const result = await child.result
    expect(result).toMatchObject({
      state: 'cancelled',
      startedAt: null,
      pid: null,
      error: { code: 'ERR_DROVER_ABORTED' },
    })
    expect(result.error!.message).toContain('changed my mind')
    expect(child.finished).toBe(true)
    expect(() => child.start()).toThrow(/started or ended before/)
    await child.kill()
    expect(existsSync(witness)).toBe(false)
    rmSync(folder, { recursive: true })
  })

  it('ends the lines of a process that it kept from starting', async () => {
    const child = new Process('echo a', { signal: AbortSignal.abort() })
    const early = child.stdout[Symbol.asyncIterator]().next()
    child.start()
    expect(await early).toEqual({ done: true, value: undefined })
    for await (const line of child.stderr) throw new Error(line)
  })

  it('ends the whole tree when it is aborted meanwhile', async () => {
    const seconds = uniqueSleep()
    const controller = new AbortController()
    const ended = run(`echo begun; sleep ${seconds} & sleep ${seconds}`, { signal: controller.signal, reject: false })
    await until('both run', () => processesWith(`sleep ${seconds}`).filter(Boolean).length >= 3)
    controller.abort()
    expect(await ended).toMatchObject({
      state: 'cancelled',
      signal: 'SIGTERM',
      stdout: 'begun\n',
      error: { code: 'ERR_DROVER_ABORTED' },
    })
    await until('nothing is left', () => processesWith(seconds).length === 0)
  })

  it('does nothing after the end, and is not held on to', async () => {
    const controller = new AbortController()
    const result = await run('true', { signal: controller.signal })
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    controller.abort()
    expect(result.state).toBe('succeeded')
  })

  it('may serve many processes without a warning', async () => {
    const warnings: Error[] = []
    const listener = (warning: Error) => warnings.push(warning)
    process.on('warning', listener)
    const { signal } = new AbortController()
    await Promise.all(Array.from({ length: 30 }, () => run('true', { signal })))
    await new Promise((resolve) => setImmediate(resolve))
    process.removeListener('warning', listener)
    expect(warnings).toEqual([])
  })
})

describe('timeout', () => {
  it('ends the whole tree and keeps what was printed', async () => {
    const seconds = uniqueSleep()
    const result = await run(`echo begun; sleep ${seconds} & sleep ${seconds}`, { timeoutMs: 150, reject: false })
    expect(result).toMatchObject({ state: 'timed-out', stdout: 'begun\n', error: { code: 'ERR_DROVER_TIMEOUT' } })
    expect(result.error!.message).toContain('150')
    expect(result.durationMs).toBeGreaterThanOrEqual(149)
    await until('nothing is left', () => processesWith(seconds).length === 0)
  })

  it('is the cause whatever the child then does', async () => {
    const line = 'trap "echo bye; exit 0" TERM; echo begun; while :; do sleep 0.01; done'
    const result = await run(line, { timeoutMs: 150, reject: false })
    expect(result).toMatchObject({ state: 'timed-out', exitCode: 0, stdout: 'begun\nbye\n' })
  })

  it('is the cause also when it is aborted afterwards', async () => {
    const controller = new AbortController()
    const line = 'trap "" TERM; while :; do sleep 0.01; done'
    const ended = run(line, { timeoutMs: 50, killGraceMs: 300, signal: controller.signal, reject: false })
    await new Promise((resolve) => setTimeout(resolve, 150))
    controller.abort()
    expect(await ended).toMatchObject({ state: 'timed-out', signal: 'SIGKILL' })
  })

  it('does not hit a task that was in time, while the event loop is blocked', async () => {
    const word = uniqueSleep()
    const ended = run('sh', ['-c', 'sleep 0.1; echo a', word], { timeoutMs: 1_000, reject: false })
    const end = performance.now() + 1_400
    await until('it runs', () => processesWith(word).length > 0)
    while (performance.now() < end);
    expect(await ended).toMatchObject({ state: 'succeeded', stdout: 'a\n' })
  })

  it('is not one with 0, or when the task is in time', async () => {
    expect(await run('sleep 0.05', { timeoutMs: 0 })).toMatchObject({ state: 'succeeded' })
    expect(await run('true', { timeoutMs: 20_000 })).toMatchObject({ state: 'succeeded' })
  })
})
