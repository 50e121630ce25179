import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Launcher, StartSpec } from '../../src/launcher/port.js'
import { describeDescriptors, describeNoDescriptors } from './contract-descriptors.js'
import { startRecorded } from './recorder.js'

/** The part of the contract that is about what a start may ask for beyond the ordinary. */
export function describeStartOptions(launcherOf: () => Launcher, isRemote: boolean): void {
  if (isRemote) describeNoDescriptors(launcherOf)
  else describeDescriptors(launcherOf)

  describe('niceness and limits, or a refusal', () => {
    let folder: string
    const shell = (line: string, rest: Partial<StartSpec> = {}) =>
      startRecorded(launcherOf(), { file: '/bin/sh', args: ['-c', line], ...rest })
    const can = () => launcherOf().capabilities.limits
    /** Runs the test where the launcher can do it, else checks that it says so. */
    const where = async (rest: Partial<StartSpec>, line: string, check: (child: ReturnType<typeof shell>) => void) => {
      const child = shell(line, rest)
      await child.whenClosed()
      if (can()) return check(child)
      expect(child.spawnError).toMatchObject({
        code: 'ERR_DROVER_UNSUPPORTED',
        message: expect.stringContaining('the native launcher can'),
      })
      expect(child.calls).toEqual(['spawn-error'])
    }

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'drover-contract-options-'))
    })
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    it('adds to the niceness', () =>
      where({ nice: 3 }, 'cut -d" " -f19 /proc/self/stat', (child) => {
        expect(child.text('stdout')).toBe(`${Math.min(19, getPriority() + 3)}\n`)
      }))

    it('sets limits, hard and soft, before the program runs', () =>
      where(
        { limits: { cpuSeconds: 77, fileSizeBytes: 512_000, openFiles: 55, coreBytes: 0, stackBytes: 4_194_304 } },
        'cat /proc/self/limits',
        (child) => {
          const limit = (name: string) =>
            new RegExp(`^${name} +(\\S+) +(\\S+)`, 'm').exec(child.text('stdout'))?.slice(1)
          expect(limit('Max cpu time')).toEqual(['77', '77'])
          expect(limit('Max file size')).toEqual(['512000', '512000'])
          expect(limit('Max open files')).toEqual(['55', '55'])
          expect(limit('Max core file size')).toEqual(['0', '0'])
          expect(limit('Max stack size')).toEqual(['4194304', '4194304'])
        },
      ))

    it('sets limits beyond 32 bits', () =>
      where({ limits: { fileSizeBytes: 2 ** 40 + 512 } }, 'cat /proc/self/limits', (child) => {
        expect(child.text('stdout')).toMatch(/^Max file size +1099511628288 +1099511628288/m)
      }))

    it('shows them to ulimit', () =>
      where(
        { limits: { cpuSeconds: 9, fileSizeBytes: 1_048_576, openFiles: 40 } },
        'ulimit -t; ulimit -f; ulimit -n',
        (child) => {
          // Of 512 bytes each, or of 1024: that is up to the shell.
          expect(child.text('stdout')).toMatch(/^9\n(2048|1024)\n40\n$/)
        },
      ))

    it('ends what writes a longer file', async () => {
      const path = join(folder, 'too long')
      const line = `exec head -c 5000 /dev/zero >'${path}'`
      await where({ limits: { fileSizeBytes: 4096 } }, line, (child) => {
        expect(child.exit).toMatchObject({ exitCode: null, signal: 'SIGXFSZ' })
        expect(statSync(path).size).toBe(4096)
      })
    })

    it('ends what uses more of the processor', () =>
      where({ limits: { cpuSeconds: 1 } }, 'while :; do :; done', (child) => {
        expect(child.exit!.signal).toBe('SIGKILL')
      }))

    it('ends a tree that is too many processes, and tells how many it was', () => {
      const sleeps = 'for n in 1 2 3; do sleep 60 & done; setsid sleep 60 & wait'
      return where({ treeLimits: { processes: 3 } }, sleeps, (child) => {
        expect(child.exit).toMatchObject({ exitCode: null, signal: 'SIGKILL' })
        const [beyond, peak, ...more] = child.uses
        expect(beyond).toMatchObject({ processes: expect.any(Number), beyond: 'processes' })
        expect(beyond!.processes).toBeGreaterThan(3)
        expect(peak).toMatchObject({ processes: beyond!.processes, beyond: null })
        expect(more).toEqual([])
        expect(child.calls.indexOf('use')).toBeLessThan(child.calls.indexOf('exit'))
      })
    })

    it('ends a tree that uses too much memory, and tells how much it was', () => {
      const hog = `python3 -c 'import time; x = bytearray(60 << 20); time.sleep(60)'`
      return where({ treeLimits: { bytes: 100 * 2 ** 20 } }, `${hog} & setsid ${hog} & wait`, (child) => {
        expect(child.exit).toMatchObject({ exitCode: null, signal: 'SIGKILL' })
        expect(child.uses.map(({ beyond }) => beyond)).toEqual(['bytes', null])
        expect(child.uses[0]!.bytes).toBeGreaterThan(100 * 2 ** 20)
      })
    })

    it('tells the most that a tree within its limits was', () =>
      where({ treeLimits: { bytes: 2 ** 33, processes: 3 } }, 'sleep 0.5 & sleep 0.5; wait', (child) => {
        expect(child.exit).toMatchObject({ exitCode: 0 })
        expect(child.uses).toMatchObject([{ processes: 3, beyond: null }])
        expect(child.uses[0]!.bytes).toBeGreaterThan(100_000)
      }))

    it('looks at none that has no such limits', () =>
      where({ treeLimits: { bytes: 0, processes: 0 }, nice: 1 }, 'sleep 0.2', (child) => {
        expect(child.uses).toEqual([])
      }))

    it.each([
      [{ bytes: -1 }, /treeLimits\.bytes/],
      [{ bytes: 1.5 }, /treeLimits\.bytes/],
      [{ processes: 2 ** 33 }, /treeLimits\.processes/],
    ])('does not start with %j', async (treeLimits, message) => {
      const child = shell('true', { treeLimits })
      await child.whenClosed()
      expect(child.spawnError!.message).toMatch(can() ? message : /the native launcher can/)
    })

    it('says what it was that the system refused', async () => {
      const open = shell('true', { limits: { openFiles: 2 ** 40 } })
      await open.whenClosed()
      if (!can()) return expect(open.spawnError!.code).toBe('ERR_DROVER_UNSUPPORTED')
      expect(open.spawnError).toMatchObject({
        code: 'EPERM',
        message: expect.stringMatching(/^cannot set the limit of open files of \/bin\/sh to 1099511627776: /),
      })
    })

    it('asked for nothing, refuses nothing', async () => {
      const child = shell('echo fine', { nice: 0, limits: {} })
      await child.whenClosed()
      expect(child.text('stdout')).toBe('fine\n')
    })

    for (const wrong of [{ nice: 20 }, { nice: 1.5 }, { limits: { openFiles: -1 } }, { limits: { cpuSeconds: 0.5 } }]) {
      it(`does not start with ${JSON.stringify(wrong)}`, async () => {
        const child = shell('true', wrong)
        await child.whenClosed()
        expect(child.spawnError!.code).toBe(can() ? 'ERR_DROVER_OPTION' : 'ERR_DROVER_UNSUPPORTED')
      })
    }
  })
}
