import { describe, expect, it } from 'vitest'
import type { Launcher, StartSpec } from '../../src/launcher/port.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { startRecorded } from './recorder.js'

/** The part of the contract that is about output which is counted and dropped. */
export function describeCountedOutput(launcherOf: () => Launcher): void {
  describe('output that is only counted', () => {
    const counted = { stdout: { to: 'count' }, stderr: { to: 'count' } } as const
    const shell = (line: string, rest: Partial<StartSpec> = {}) =>
      startRecorded(launcherOf(), { file: '/bin/sh', args: ['-c', line], ...counted, ...rest })

    it.each([
      ['of no bytes', ':', 0, 0],
      ['of a few bytes', 'printf abc; printf x >&2', 3, 1],
      ['of one stream', 'printf abc', 3, 0],
      ['that fills a pipe exactly', 'head -c 65536 /dev/zero; head -c 65536 /dev/zero >&2', 65_536, 65_536],
    ])('%s: its size and its end are told, and no chunk', async (_, line, stdout, stderr) => {
      const child = shell(line)
      await child.whenClosed()
      expect(child.counted).toEqual({ stdout, stderr })
      expect(child.chunks).toEqual({ stdout: [], stderr: [] })
      expect(child.exit).toMatchObject({ exitCode: 0 })
      for (const stream of ['stdout', 'stderr'] as const) {
        expect(child.calls.filter((call) => call === `${stream}-end`)).toHaveLength(1)
        if (child.counted[stream] === 0) expect(child.calls).not.toContain(`${stream}-counted`)
        else expect(child.calls.lastIndexOf(`${stream}-counted`)).toBeLessThan(child.calls.indexOf(`${stream}-end`))
      }
    })

    it('of 100 MB on both streams at once is counted whole, while others run', async () => {
      const child = shell('head -c 100000000 /dev/zero & head -c 100000001 /dev/zero >&2; wait')
      const others = Array.from({ length: 20 }, (_, n) => shell(`echo ${n}`, { stdout: { to: 'pipe' } }))
      await Promise.all(others.map((other) => other.whenClosed()))
      expect(others.map((other) => other.text('stdout'))).toEqual(others.map((_, n) => `${n}\n`))
      await child.whenClosed(30_000)
      expect(child.counted).toEqual({ stdout: 100_000_000, stderr: 100_000_001 })
      expect(child.chunks).toEqual({ stdout: [], stderr: [] })
    })

    it('may be one stream beside a piped one', async () => {
      const child = shell('head -c 1000000 /dev/zero; echo seen >&2', { stderr: { to: 'pipe' } })
      await child.whenClosed()
      expect(child.counted).toEqual({ stdout: 1_000_000, stderr: 0 })
      expect(child.text('stderr')).toBe('seen\n')
    })

    it('is told while the child runs', async () => {
      const child = shell('printf abc; read line; printf defg', { stdin: { from: 'pipe' } })
      await child.when('the first is counted', () => child.counted.stdout === 3)
      expect(child.exit).toBeNull()
      child.child.write('go\n')
      await child.whenClosed()
      expect(child.counted.stdout).toBe(7)
    })

    it('is told after the exit as it comes, when a descendant holds the pipe', async () => {
      // A shell gives what it starts in the background no input unless it is told to.
      const line = 'exec 3<&0; (read go; printf late; read go) <&3 & printf early'
      const child = shell(line, { stdin: { from: 'pipe' } })
      await child.when('it ended and is counted', () => child.exit !== null && child.counted.stdout === 5)
      child.child.write('go\n')
      await child.when('the rest is counted', () => child.counted.stdout === 9)
      expect(child.ended.stdout).toBe(false)
      child.child.endInput()
      await child.whenClosed()
      expect(child.counted).toEqual({ stdout: 9, stderr: 0 })
    })

    it('held by a descendant has no end until it is closed', async () => {
      const seconds = uniqueSleep()
      const child = shell(`sleep ${seconds} & printf mine`)
      await child.when('it ended and is counted', () => child.exit !== null && child.counted.stdout === 4)
      expect(child.exit!.groupAlive).toBe(true)
      expect(child.ended).toEqual({ stdout: false, stderr: false })
      child.child.closeOutput('stdout')
      child.child.closeOutput('stderr')
      await child.whenClosed()
      expect(child.counted).toEqual({ stdout: 4, stderr: 0 })
      expect(await child.child.signalTree('SIGKILL')).toBe(1)
      await until('the descendant is gone', () => processesWith(seconds).length === 0)
    })

    it('closed by us ends a writer by SIGPIPE', async () => {
      const child = shell('while :; do echo y || exit 3; done')
      await child.when('it prints', () => child.counted.stdout > 0)
      child.child.closeOutput('stdout')
      await child.whenClosed()
      expect(child.exit!.signal ?? child.exit!.exitCode).not.toBe(0)
    })

    it('of a child that is killed while it prints ends', async () => {
      const child = shell('exec cat /dev/zero')
      await child.when('it has printed much', () => child.counted.stdout > 10_000_000)
      await child.child.signalTree('SIGKILL')
      await child.whenClosed()
      expect(child.exit).toMatchObject({ signal: 'SIGKILL' })
    })
  })
}
