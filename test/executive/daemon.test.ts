import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isAlive, processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { DaemonProcess } from './daemon-process.js'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'drover-daemon-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => {
      try {
        const stat = readFileSync(`/proc/${each}/stat`, 'latin1')
        return Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]) === pid
      } catch {
        return false
      }
    })
}

const ANSWER = { act: 'answer' }

describe('a daemon as a process', () => {
  it('takes a fresh queue each round, asks stop after each, and leaves nothing', async () => {
    const daemon = new DaemonProcess({ items: [ANSWER, ANSWER], rounds: 3, options: { intervalMs: 0 } })
    await daemon.ends()
    expect([daemon.exitCode, daemon.stderr]).toEqual([0, ''])
    expect(daemon.all('queue')).toEqual([{ queue: 1 }, { queue: 2 }, { queue: 3 }])
    expect(daemon.all('result').map(({ value }) => value)).toEqual([1, 1, 2, 2, 3, 3])
    expect(daemon.all('summary')[0]!.summary).toMatchObject({
      ...{ endedBy: 'stop', rounds: 3, total: 6, failures: 0, reloads: 0 },
      byState: { succeeded: 6 },
    })
    expect(daemon.all('listeners')).toEqual([{ listeners: [0, 0, 0] }])
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('%s drains it: what is being handled is finished', async (signal) => {
    const items = [ANSWER, ...Array(20).fill({ act: 'wait', ms: 300 })]
    const daemon = new DaemonProcess({ items })
    await daemon.says('result')
    daemon.kill(signal)
    const { summary } = await daemon.says('summary')
    const results = daemon.all('result')
    expect(results.every(({ result }) => result === 'succeeded')).toBe(true)
    expect(results.length).toBeLessThan(10)
    expect(summary).toMatchObject({ endedBy: signal, rounds: 1, total: results.length, failures: 0 })
    await daemon.ends()
    expect([daemon.exitCode, daemon.stderr]).toEqual([0, ''])
  })

  it('a signal ends its sleep at once', async () => {
    const daemon = new DaemonProcess({ items: [ANSWER], options: { intervalMs: 3_600_000 } })
    await daemon.says('round')
    daemon.kill('SIGTERM')
    expect((await daemon.says('summary')).summary).toMatchObject({ endedBy: 'SIGTERM', rounds: 1 })
    await daemon.ends()
  })

  it.each([2, 3])('a second signal ends what is being handled, a third one without grace (%s)', async (times) => {
    const word = uniqueSleep()
    const items = [{ act: 'leave', word }, { act: 'stubborn' }, { act: 'stubborn' }]
    const options = { killGraceMs: times === 2 ? 300 : 60_000, output: 'inherit' }
    const daemon = new DaemonProcess({ items, options, tellsSignals: true })
    await daemon.says('result')
    await until('two are at it', () => daemon.stderr.split('stubborn').length === 3)
    for (let n = 1; n <= times; n++) {
      daemon.kill('SIGTERM')
      await daemon.says('signal', n)
    }
    expect((await daemon.says('summary')).summary).toMatchObject({ endedBy: 'SIGTERM', rounds: 1 })
    const codes = daemon.all('result').map(({ code }) => code)
    expect(codes.slice(1)).toEqual(['ERR_DROVER_SIGNAL', 'ERR_DROVER_SIGNAL'])
    await daemon.ends()
    expect([daemon.exitCode, processesWith(word)]).toEqual([0, []])
  })

  it('a second signal does not wait for a queue that never comes', async () => {
    const daemon = new DaemonProcess({ waits: true })
    await daemon.says('queue')
    daemon.kill('SIGTERM')
    daemon.kill('SIGINT')
    expect((await daemon.says('summary')).summary).toMatchObject({ endedBy: expect.stringMatching(/^SIG/), total: 0 })
    await daemon.ends()
  })

  it('SIGHUP reloads it: the hook is called, kept processes are replaced, and a round begins at once', async () => {
    const readFrom = join(folder(), 'reloaded')
    const options = { keepWorkers: true, intervalMs: 3_600_000, concurrency: 1 }
    const daemon = new DaemonProcess({ items: [ANSWER], options, readFrom })
    const { pid } = await daemon.says('result')
    await daemon.says('round')
    expect(isAlive(pid as number)).toBe(true)
    daemon.kill('SIGHUP')
    const second = await daemon.says('result', 2)
    expect(readFileSync(readFrom, 'utf8')).toBe('reloaded')
    expect(second.value).toBe(2)
    expect(second.pid).not.toBe(pid)
    expect(isAlive(pid as number)).toBe(false)
    await daemon.says('round', 2)
    daemon.kill('SIGTERM')
    expect((await daemon.says('summary')).summary).toMatchObject({ reloads: 1, rounds: 2, workers: 2 })
    await daemon.ends()
  })

  it('keepWorkers: the same processes round after round', async () => {
    const options = { keepWorkers: true, intervalMs: 0, concurrency: 1 }
    const daemon = new DaemonProcess({ items: [ANSWER], rounds: 5, options })
    await daemon.ends()
    expect(new Set(daemon.all('result').map(({ pid }) => pid)).size).toBe(1)
    expect(daemon.all('summary')[0]!.summary).toMatchObject({ workers: 1, rounds: 5 })
  })

  it('signals: false leaves signals to the program', async () => {
    const daemon = new DaemonProcess({ items: [ANSWER], options: { signals: false } })
    await daemon.says('round')
    daemon.kill('SIGTERM')
    await daemon.ends()
    expect(daemon.signal).toBe('SIGTERM')
  })

  it('without onError, what ends a round ends it', async () => {
    const options = { env: { SETUP_THROWS: 'no database' }, startBackoffMs: 1 }
    const daemon = new DaemonProcess({ items: [ANSWER], options })
    expect(await daemon.says('error')).toMatchObject({
      error: 'ERR_DROVER_WORKER_START',
      message: expect.stringContaining('no database'),
    })
    await daemon.ends()
    expect(daemon.exitCode).toBe(1)
  })
})

describe('one at a time', () => {
  it('a second one is refused, or resolves at once, until the first has ended', async () => {
    const lock = join(folder(), 'users.lock')
    const first = new DaemonProcess({ items: [ANSWER], options: { lock } })
    await first.says('round')
    const refused = new DaemonProcess({ items: [ANSWER], options: { lock } })
    expect(await refused.says('error')).toEqual({
      error: 'ERR_DROVER_LOCKED',
      message: `${lock} is locked by process ${first.pid}`,
    })
    const left = new DaemonProcess({ items: [ANSWER], options: { lock, ifLocked: 'exit' } })
    expect((await left.says('summary')).summary).toMatchObject({ endedBy: 'locked', rounds: 0, total: 0 })
    await left.ends()
    expect([left.exitCode, left.all('queue')]).toEqual([0, []])
    first.kill('SIGTERM')
    await first.ends()
    const next = new DaemonProcess({ items: [ANSWER], rounds: 1, options: { lock } })
    expect((await next.says('summary')).summary).toMatchObject({ endedBy: 'stop', rounds: 1 })
    await next.ends()
  })

  it('many that start at the same moment: one runs', async () => {
    const lock = join(folder(), 'users.lock')
    const all = Array.from({ length: 5 }, () => {
      return new DaemonProcess({ items: [ANSWER], options: { lock, ifLocked: 'exit' } })
    })
    await until('all but one have ended', () => all.filter(({ exitCode }) => exitCode === 0).length === 4, 20_000)
    const running = all.filter(({ exitCode }) => exitCode === null)
    await running[0]!.says('round')
    expect(all.flatMap((daemon) => daemon.all('queue')).length).toBe(1)
    running[0]!.kill('SIGTERM')
    await running[0]!.ends()
  })

  it('SIGKILL frees the lock, and leaves no process', async () => {
    const lock = join(folder(), 'users.lock')
    const word = uniqueSleep()
    const items = [{ act: 'leave', word }, { act: 'hang' }, { act: 'spin' }]
    const first = new DaemonProcess({ items, options: { lock } })
    const { pid } = await first.says('result')
    expect(processesWith(word)).toHaveLength(1)
    first.kill('SIGKILL')
    const next = new DaemonProcess({ items: [ANSWER], rounds: 1, options: { lock } })
    expect((await next.says('summary')).summary).toMatchObject({ endedBy: 'stop' })
    // The lock was free only when all of the first was gone.
    expect([isAlive(pid as number), processesWith(word)]).toEqual([false, []])
    await next.ends()
  })

  it('a launcher that dies takes the lock with it: the daemon ends, and says so', async () => {
    const lock = join(folder(), 'users.lock')
    const daemon = new DaemonProcess({ items: [ANSWER, { act: 'hang' }], options: { lock } })
    await daemon.says('result')
    const [guardian] = childrenOf(daemon.pid)
    const [launcher] = childrenOf(guardian!)
    process.kill(launcher!, 'SIGKILL')
    expect(await daemon.says('message')).toMatchObject({
      error: 'ERR_DROVER_LAUNCHER_DIED',
      message: expect.stringContaining(`the lock on ${lock} is lost`),
    })
    expect(daemon.all('result').map(({ result }) => result)).toEqual(['succeeded', 'lost'])
    await daemon.ends()
  })

  it('the pid file holds the pid, and is removed unless it is another’s', async () => {
    const pidFile = join(folder(), 'users.pid')
    writeFileSync(pidFile, '1\n')
    for (const isReplaced of [false, true]) {
      const daemon = new DaemonProcess({ items: [ANSWER], options: { pidFile } })
      await daemon.says('round')
      expect(readFileSync(pidFile, 'utf8')).toBe(`${daemon.pid}\n`)
      expect(statSync(pidFile).mode & 0o777).toBe(0o644)
      if (isReplaced) writeFileSync(pidFile, '1\n')
      daemon.kill('SIGTERM')
      await daemon.ends()
      expect(existsSync(pidFile)).toBe(isReplaced)
    }
    const lost = new DaemonProcess({ items: [ANSWER], options: { pidFile: '/nonexistent/users.pid' } })
    expect(await lost.says('error')).toMatchObject({
      error: 'ENOENT',
      message: expect.stringMatching(/^pidFile: \/nonexistent\/users\.pid cannot be written .*; name a file/),
    })
    await lost.ends()
    expect(lost.all('queue')).toEqual([])
  })

  it('without kernel locks it does not run unlocked', async () => {
    const lock = join(folder(), 'users.lock')
    const daemon = new DaemonProcess({ items: [ANSWER], options: { lock, launcher: 'node' } })
    expect(await daemon.says('error')).toMatchObject({ error: 'ERR_DROVER_UNSUPPORTED' })
    await daemon.ends()
    expect(daemon.all('queue')).toEqual([])
  })
})
