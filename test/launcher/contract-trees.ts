import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Launcher } from '../../src/launcher/port.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { recordedStarts } from './recorder.js'

/** The part of the contract that is about what descends from a child: how it is found, counted and ended. */
export function describeTrees(launcherOf: () => Launcher): void {
  const { start, shell } = recordedStarts(launcherOf)

  describe('trees', () => {
    it('counts and ends children, grandchildren and those that left for a session of their own', async () => {
      const seconds = uniqueSleep()
      const child = shell(`sleep ${seconds} & setsid sleep ${seconds} & sh -c 'sleep ${seconds} & wait' & wait`)
      await until('all are running', () => processesWith(`sleep ${seconds}`).length >= 5)
      expect(await child.child.countTree()).toBeGreaterThanOrEqual(5)
      expect(await child.child.signalTree('SIGKILL')).toBeGreaterThanOrEqual(5)
      await until('none is left', () => processesWith(seconds).length === 0)
      await child.whenClosed()
      expect(child.exit).toMatchObject({ signal: 'SIGKILL' })
      await until('none is counted', async () => (await child.child.countTree()) === 0)
    })

    it('finds a descendant that forked twice into a new session', async () => {
      const seconds = uniqueSleep()
      const child = shell(`(setsid sh -c 'sleep ${seconds} >/dev/null 2>&1 &') ; exit 0`)
      await child.whenClosed()
      await until('it is running', () => processesWith(`sleep ${seconds}`).length === 1)
      expect(await child.child.signalTree('SIGKILL')).toBe(1)
      await until('it is gone', () => processesWith(seconds).length === 0)
    })

    it('finds one that also dropped its environment, where the launcher says so', async () => {
      const seconds = uniqueSleep()
      const child = shell(`(setsid env -i sh -c 'sleep ${seconds} >/dev/null 2>&1 &') ; exit 0`, { scope: 'dropped' })
      await child.whenClosed()
      await until('it is running', () => processesWith(`sleep ${seconds}`).length === 1)
      const found = await launcherOf().signalScope('dropped', 'SIGKILL')
      if (launcherOf().capabilities.findsDoubleForks) {
        expect(found).toBe(1)
      } else {
        expect(found).toBe(0)
        for (const pid of processesWith(`sleep ${seconds}`)) process.kill(pid, 'SIGKILL')
      }
      await until('it is gone', () => processesWith(seconds).length === 0)
    })

    it('leaves the neighbours alone', async () => {
      const [mine, other] = [uniqueSleep(), uniqueSleep()]
      const [victim, neighbour] = [start('sleep', [mine]), start('sleep', [other])]
      await until('both run', () => processesWith(mine).length + processesWith(other).length === 2)
      await victim.child.signalTree('SIGTERM')
      await victim.whenClosed()
      expect(victim.exit).toMatchObject({ signal: 'SIGTERM' })
      expect(neighbour.exit).toBeNull()
      expect(await neighbour.child.signalTree('SIGKILL')).toBe(1)
      await neighbour.whenClosed()
    })

    it('stops and continues', async () => {
      const child = shell('echo before; kill -STOP $$; echo after')
      await until('it stopped', () => {
        if (child.pid === null) return false
        const stat = readFileSync(`/proc/${child.pid}/stat`, 'latin1')
        return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')
      })
      expect(await child.child.signalTree('SIGCONT')).toBe(1)
      await child.whenClosed()
      expect(child.text('stdout')).toBe('before\nafter\n')
    })

    it('tells survivors by scope', async () => {
      const seconds = uniqueSleep()
      const child = shell(`setsid sleep ${seconds} >/dev/null 2>&1 & exit 0`, { scope: 'scope-a' })
      const other = start('sleep', [seconds], { scope: 'scope-b' })
      await child.whenClosed()
      await until('both run', () => processesWith(`sleep ${seconds}`).length === 2)
      expect(await launcherOf().survivors('scope-a')).toBe(1)
      expect(await launcherOf().survivors('scope-b')).toBe(1)
      expect(await launcherOf().survivors('scope-c')).toBe(0)
      expect(await launcherOf().signalScope('scope-a', 'SIGKILL')).toBe(1)
      await until('one is left', () => processesWith(`sleep ${seconds}`).length === 1)
      await other.child.signalTree('SIGKILL')
      await other.whenClosed()
      expect(await launcherOf().survivors('scope-a')).toBe(0)
    })
  })
}
