import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DatagramReceiver } from '../helpers/datagrams.js'
import { until } from '../helpers/until.js'
import { DaemonProcess } from './daemon-process.js'

async function receiver(name?: string): Promise<{ name: string; manager: DatagramReceiver }> {
  const folder = mkdtempSync(join(tmpdir(), 'drover-manager-'))
  const socket = name ?? join(folder, 'notify')
  const manager = new DatagramReceiver(socket)
  onTestFinished(() => {
    manager.close()
    rmSync(folder, { recursive: true, force: true })
  })
  await manager.ready()
  return { name: socket, manager }
}

const ITEMS = [{ act: 'answer' }, { act: 'throw' }]

describe('what the service manager is told', () => {
  it.each(['a path', 'a name that is no file'])('ready, each round, reloading, stopping (%s)', async (kind) => {
    const { name, manager } = await receiver(kind === 'a path' ? undefined : `@drover-daemon-${process.pid}`)
    const daemon = new DaemonProcess({ items: ITEMS }, { NOTIFY_SOCKET: name })
    await until('the round is told', () => manager.texts.length >= 2)
    expect(manager.texts).toEqual(['READY=1', 'STATUS=round 1: 1 succeeded, 1 failed'])
    daemon.kill('SIGHUP')
    await until('the second round is told', () => manager.texts.length >= 5)
    const [reloading, ready, second] = manager.texts.slice(2)
    expect(reloading).toMatch(/^RELOADING=1\nMONOTONIC_USEC=\d+$/)
    expect([ready, second]).toEqual(['READY=1', 'STATUS=round 2: 1 succeeded, 1 failed'])
    daemon.kill('SIGTERM')
    await daemon.ends()
    await until('its end is told', () => manager.texts.length >= 6)
    expect(manager.texts[5]).toBe('STOPPING=1\nSTATUS=ended by SIGTERM')
    // Where the system allows it, as by the daemon itself; else by its child.
    if (process.getuid!() === 0) expect(new Set(manager.received.map(({ pid }) => pid))).toEqual(new Set([daemon.pid]))
  })

  it('that it is alive, as often as is asked for, and only by whom it is asked of', async () => {
    const { name, manager } = await receiver()
    const alive = () => manager.texts.filter((text) => text === 'WATCHDOG=1').length
    const env = { NOTIFY_SOCKET: name, WATCHDOG_USEC: '40000' }
    const other = new DaemonProcess({ items: ITEMS }, { ...env, WATCHDOG_PID: '1' })
    await until('it is ready', () => manager.texts.includes('READY=1'))
    const daemon = new DaemonProcess({ items: ITEMS }, env)
    await until('it is alive', () => alive() >= 5)
    const pids = new Set(manager.received.filter(({ text }) => text === 'WATCHDOG=1').map(({ pid }) => pid))
    if (process.getuid!() === 0) expect(pids).toEqual(new Set([daemon.pid]))
    for (const each of [other, daemon]) {
      each.kill('SIGTERM')
      await each.ends()
    }
  })

  it('the socket is not passed on to workers', async () => {
    const { name } = await receiver()
    const items = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'PATH'].map((text) => ({ act: 'env', text }))
    const env = { NOTIFY_SOCKET: name, WATCHDOG_USEC: '60000000', PATH: process.env.PATH }
    const daemon = new DaemonProcess({ items, rounds: 1, options: { concurrency: 1 } }, env)
    await daemon.ends()
    expect(daemon.all('result').map(({ value }) => value)).toEqual([null, null, process.env.PATH])
  })

  it('nothing is told with systemd: false', async () => {
    const { name, manager } = await receiver()
    const daemon = new DaemonProcess({ items: ITEMS, rounds: 1, options: { systemd: false } }, { NOTIFY_SOCKET: name })
    await daemon.ends()
    expect([daemon.exitCode, manager.texts]).toEqual([0, []])
  })

  it('with the node launcher systemd-notify sends, where it is there', async () => {
    const { name, manager } = await receiver()
    const folder = mkdtempSync(join(tmpdir(), 'drover-path-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const sends = `import os, socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.sendto('\\n'.join(sys.argv[1:]).encode(), os.environ['NOTIFY_SOCKET'])`
    writeFileSync(join(folder, 'systemd-notify'), `#!/usr/bin/env python3\n${sends}\n`, { mode: 0o755 })
    const env = { NOTIFY_SOCKET: name, PATH: `${folder}:${process.env.PATH}` }
    const daemon = new DaemonProcess({ items: ITEMS, rounds: 1, options: { launcher: 'node' } }, env)
    await daemon.ends()
    expect([daemon.exitCode, daemon.stderr]).toEqual([0, ''])
    await until('all has come', () => manager.texts.length >= 3)
    expect(manager.texts).toEqual(['READY=1', 'STATUS=round 1: 1 succeeded, 1 failed', 'STOPPING=1'])
  })

  it('a manager that cannot be told is an error, before anything is begun', async () => {
    const env = { NOTIFY_SOCKET: '/nonexistent/notify' }
    const daemon = new DaemonProcess({ items: ITEMS }, env)
    expect(await daemon.says('error')).toMatchObject({
      error: 'ERR_DROVER_NOTIFY',
      message: expect.stringContaining('it does not exist (ENOENT); with systemd: false it is not'),
    })
    await daemon.ends()
    expect([daemon.exitCode, daemon.all('queue')]).toEqual([1, []])
  })
})
