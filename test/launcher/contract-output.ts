import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Launcher } from '../../src/launcher/port.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { recordedStarts } from './recorder.js'

/** The part of the contract that is about what a child prints, and where it goes. */
export function describeOutput(launcherOf: () => Launcher): void {
  const { shell } = recordedStarts(launcherOf)

  describe('output', () => {
    let folder: string
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'drover-contract-'))
    })
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    it('of many megabytes on both streams arrives whole', async () => {
      const child = shell('head -c 20000000 /dev/zero & head -c 20000001 /dev/zero >&2; wait')
      await child.whenClosed(30_000)
      expect([child.bytes('stdout'), child.bytes('stderr')]).toEqual([20_000_000, 20_000_001])
    })

    it('that nobody reads makes the child wait, and nothing is lost', async () => {
      const child = shell('head -c 30000000 /dev/zero; echo finished >&2')
      child.child.pauseOutput('stdout')
      await child.when('it has spawned', () => child.pid !== null)
      const other = shell('head -c 1000000 /dev/zero')
      await other.whenClosed()
      expect(child.text('stderr')).toBe('')
      expect(child.exit).toBeNull()
      expect(child.bytes('stdout')).toBeLessThan(4_000_000)
      child.child.resumeOutput('stdout')
      await child.whenClosed(30_000)
      expect(child.bytes('stdout')).toBe(30_000_000)
      expect(child.text('stderr')).toBe('finished\n')
    })

    it('goes to files, truncated or appended to, and nowhere', async () => {
      const path = join(folder, 'out')
      writeFileSync(path, 'old content that is longer')
      const first = shell('echo one; echo lost >&2', { stdout: { to: 'file', path }, stderr: { to: 'null' } })
      await first.when('it ended', () => first.exit !== null)
      const second = shell('echo two', { stdout: { to: 'file', path, append: true } })
      await second.when('it ended', () => second.exit !== null)
      expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n')
      expect(first.calls).toEqual(['spawn', 'exit'])
    })

    it('goes on after the exit when a descendant holds the pipe, until it is closed', async () => {
      const seconds = uniqueSleep()
      const child = shell(`sleep ${seconds} & echo mine`)
      await child.when('it ended', () => child.exit !== null)
      await child.when('its output is here', () => child.text('stdout') === 'mine\n')
      expect(child.exit!.groupAlive).toBe(true)
      expect(child.ended).toEqual({ stdout: false, stderr: false })
      child.child.closeOutput('stdout')
      child.child.closeOutput('stderr')
      await child.whenClosed()
      expect(await child.child.signalTree('SIGKILL')).toBe(1)
      await until('the descendant is gone', () => processesWith(seconds).length === 0)
    })

    it('closed by us ends a writer by SIGPIPE', async () => {
      const child = shell('while :; do echo y || exit 3; done')
      await child.when('it prints', () => child.bytes('stdout') > 0)
      child.child.closeOutput('stdout')
      await child.whenClosed()
      expect(child.exit!.signal ?? child.exit!.exitCode).not.toBe(0)
    })

    it('can be opened again through /dev/stderr where pipes are real', async () => {
      const child = shell('echo through >/dev/stderr')
      await child.whenClosed()
      if (launcherOf().capabilities.realPipes) expect(child.text('stderr')).toBe('through\n')
      else expect(child.exit!.exitCode).not.toBe(0)
    })
  })
}
