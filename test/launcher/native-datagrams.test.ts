import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { AutoLauncher } from '../../src/launcher/auto-launcher.js'
import { createNativeLauncher } from '../../src/launcher/native/native-launcher.js'
import { NodeLauncher } from '../../src/launcher/node/node-launcher.js'
import type { Launcher } from '../../src/launcher/port.js'
import { DatagramReceiver } from '../helpers/datagrams.js'
import { until } from '../helpers/until.js'

describe('datagrams sent by the launcher', () => {
  let folder: string
  let launcher: Launcher
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'drover-datagrams-'))
    launcher = createNativeLauncher()
  })
  afterEach(async () => {
    await launcher.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function receiverAt(name: string): Promise<DatagramReceiver> {
    const receiver = new DatagramReceiver(name)
    onTestFinished(() => receiver.close())
    await receiver.ready()
    return receiver
  }

  it('come at a path and at a name that is no file, in order, and from this process where that is allowed', async () => {
    const names = [join(folder, 'socket'), `@drover-datagrams-${process.pid}`]
    for (const name of names) {
      const receiver = await receiverAt(name)
      await launcher.sendDatagram!(name, 'READY=1\nSTATUS=äöü')
      await launcher.sendDatagram!(name, 'STOPPING=1')
      await until('both have come', () => receiver.received.length === 2)
      expect(receiver.texts).toEqual(['READY=1\nSTATUS=äöü', 'STOPPING=1'])
      if (process.getuid!() === 0) expect(receiver.received.map(({ pid }) => pid)).toEqual([process.pid, process.pid])
    }
  })

  it('that cannot be sent say why', async () => {
    const missing = join(folder, 'nobody')
    await expect(launcher.sendDatagram!(missing, 'x')).rejects.toMatchObject({
      name: 'DroverError',
      code: 'ENOENT',
      message: `cannot send to the socket ${missing}: it does not exist (ENOENT)`,
    })
    await expect(launcher.sendDatagram!('/'.repeat(200), 'x')).rejects.toMatchObject({ code: 'ENAMETOOLONG' })
    await expect(launcher.sendDatagram!('a\0b', 'x')).rejects.toMatchObject({ code: 'EINVAL' })
  })

  it('are there with the native launcher, and so with auto, but not with the node one', async () => {
    const auto = new AutoLauncher()
    await expect(auto.sendDatagram!(join(folder, 'nobody'), 'x')).rejects.toMatchObject({ code: 'ENOENT' })
    await auto.close()
    expect((new NodeLauncher() as Launcher).sendDatagram).toBeUndefined()
  })
})
