import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AutoLauncher } from '../../src/launcher/auto-launcher.js'
import { createNativeLauncher } from '../../src/launcher/native/native-launcher.js'
import { NodeLauncher } from '../../src/launcher/node/node-launcher.js'
import type { Launcher, LauncherLock, LockOptions } from '../../src/launcher/port.js'
import { until } from '../helpers/until.js'
import { buildParent, launchersOf, type Parent } from './native-processes.js'

describe('locks held by the launcher', () => {
  let parents: Awaited<ReturnType<typeof buildParent>>
  let folder: string
  let path: string
  let launcher: Launcher
  let paths = 0
  const started: Parent[] = []
  const lock = (options?: LockOptions) => launcher.lock!(path, options)
  const holder = () => {
    const parent = parents.run('holdLock', path)
    started.push(parent)
    return parent
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'drover-locks-'))
    parents = await buildParent()
  })
  afterAll(() => {
    for (const parent of started) if (!parent.ended) parent.process.kill('SIGKILL')
    parents.remove()
    rmSync(folder, { recursive: true, force: true })
  })
  beforeEach(() => {
    launcher = createNativeLauncher()
    path = join(folder, `lock-${paths++}`)
  })
  afterEach(() => launcher.close())

  it('are there where the capability says so', async () => {
    const [auto, node] = [new AutoLauncher(), new NodeLauncher() as Launcher]
    for (const each of [launcher, auto, node]) expect(each.lock !== undefined).toBe(each.capabilities.locks)
    expect([launcher.capabilities.locks, node.capabilities.locks]).toEqual([true, false])
    const held = await auto.lock!(path)
    await expect(lock()).rejects.toMatchObject({ code: 'ERR_DROVER_LOCKED' })
    await held.release()
    await auto.close()
  })

  it('keep out everybody else, this process too, and name it', async () => {
    const held = await lock()
    expect(held.path).toBe(path)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`)
    await expect(lock()).rejects.toMatchObject({
      name: 'DroverError',
      code: 'ERR_DROVER_LOCKED',
      message: `${path} is locked by process ${process.pid}`,
    })
    await expect(lock({ shared: true })).rejects.toMatchObject({ code: 'ERR_DROVER_LOCKED' })
    await held.release()
    await held.release()
    await (await lock()).release()
    expect(held.lost.aborted).toBe(false)
  })

  it('are shared by those who want that', async () => {
    const both = await Promise.all([lock({ shared: true }), lock({ shared: true })])
    await expect(lock()).rejects.toMatchObject({ code: 'ERR_DROVER_LOCKED' })
    for (const each of both) await each.release()
    await (await lock()).release()
  })

  it('go to those who wait in the order in which they came', async () => {
    const order: number[] = []
    const first = await lock()
    const waiting = [1, 2, 3, 4, 5].map(async (number) => {
      const mine = await lock({ wait: true })
      order.push(number)
      await mine.release()
    })
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(order).toEqual([])
    await first.release()
    await Promise.all(waiting)
    expect(order).toEqual([1, 2, 3, 4, 5])
  })

  it('are waited for no longer than the signal allows', async () => {
    const held = await lock()
    const abort = new AbortController()
    const waiting = lock({ wait: true, signal: abort.signal })
    const next = lock({ wait: true })
    setTimeout(() => abort.abort(new Error('enough')), 30)
    await expect(waiting).rejects.toThrow('enough')
    await expect(lock({ signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before')
    await held.release()
    await (await next).release()
  })

  it('say why when the file cannot be locked', async () => {
    await expect(launcher.lock!('/nonexistent/lock')).rejects.toMatchObject({
      code: 'ENOENT',
      message: expect.stringContaining('cannot lock /nonexistent/lock'),
    })
    await expect(launcher.lock!('a\0b')).rejects.toMatchObject({ code: 'EINVAL' })
  })

  it('of another process are free as soon as it is killed, and whoever waits gets one', async () => {
    const parent = holder()
    await until('it has the lock', () => parent.output.includes('locked'))
    await expect(lock()).rejects.toMatchObject({ message: `${path} is locked by process ${parent.pid}` })
    let mine: LauncherLock | null = null
    const waiting = lock({ wait: true }).then((taken) => {
      mine = taken
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(mine).toBeNull()
    process.kill(parent.pid, 'SIGKILL')
    await until('the lock is here', () => mine !== null, 1000)
    await waiting
    expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`)
  })

  it('go back and forth between two processes', async () => {
    const mine = await lock()
    const parent = parents.run('waitForLock', path)
    started.push(parent)
    await until('it waits', () => parent.output.includes('waiting'))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(parent.output).toBe('waiting\n')
    await mine.release()
    // It gives it back and ends by itself: a lock that is held does not keep a process alive.
    await until('it has ended', () => parent.ended)
    expect(parent.output).toBe('waiting\nlocked\nagain\n')
    expect(parent.exitCode).toBe(0)
    await (await lock()).release()
  })

  it('are given back when the launcher is closed', async () => {
    const held = await lock()
    const waiting = lock({ wait: true })
    const closed = expect(waiting).rejects.toMatchObject({ code: 'ERR_DROVER_CLOSED' })
    await launcher.close()
    await closed
    expect(held.lost.reason).toMatchObject({ code: 'ERR_DROVER_CLOSED' })
    await (await lock()).release()
  })

  it('are told lost when the launcher dies, and can be had again', async () => {
    const held = await lock()
    const waiting = lock({ wait: true })
    const [halves] = launchersOf(process.pid)
    process.kill(halves!.launcher, 'SIGKILL')
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_DROVER_LAUNCHER_DIED' })
    expect(held.lost.reason).toMatchObject({ code: 'ERR_DROVER_LAUNCHER_DIED' })
    await held.release()
    await (await lock({ wait: true })).release()
  })
})
