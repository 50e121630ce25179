import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DescriptorSpec, Launcher } from '../../src/launcher/port.js'
import { startRecorded } from './recorder.js'

/** The same, where children run on other machines. */
export function describeNoDescriptors(launcherOf: () => Launcher): void {
  it('descriptors of this machine are refused, and what this process has itself', async () => {
    const refused = [
      { descriptors: [{ as: 5, path: '/dev/null', mode: 'read' }] },
      { stdin: { from: 'inherit' } },
      { stdout: { to: 'inherit' } },
      { stderr: { to: 'inherit' } },
      { groups: ['/sys/fs/cgroup/somewhere'] },
    ] as const
    for (const rest of refused) {
      const child = startRecorded(launcherOf(), { file: '/bin/true', ...rest })
      await child.when('it failed', () => child.spawnError !== null)
      expect(child.spawnError).toMatchObject({ code: 'ERR_DROVER_UNSUPPORTED' })
      expect(child.calls).toEqual(['spawn-error'])
    }
  })
}

/** The part of the contract that is about descriptors besides the streams. */
export function describeDescriptors(launcherOf: () => Launcher): void {
  describe('descriptors', () => {
    let folder: string
    let fifo: string
    /** Both ends of the named pipe, in this process. */
    let ours: number
    const shell = (line: string, descriptors: readonly DescriptorSpec[]) =>
      startRecorded(launcherOf(), { file: '/bin/bash', args: ['-c', line], descriptors })
    const readOurs = () => {
      const bytes = Buffer.alloc(100)
      return bytes.toString('utf8', 0, readSync(ours, bytes))
    }

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'drover-contract-descriptors-'))
      fifo = join(folder, 'fifo')
      execFileSync('mkfifo', [fifo])
      ours = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)
    })
    afterAll(() => {
      closeSync(ours)
      rmSync(folder, { recursive: true, force: true })
    })

    for (const mode of ['write', 'read-write'] as const) {
      it(`a named pipe opened by path (${mode}) can be written to`, async () => {
        const child = shell('echo token >&5', [{ path: fifo, as: 5, mode }])
        await child.whenClosed()
        expect(child.exit).toMatchObject({ exitCode: 0 })
        expect(readOurs()).toBe('token\n')
      })
    }

    it('a named pipe can be read from, as a descriptor that waits', async () => {
      const child = shell('echo ready; read -r line <&7; echo "got $line"', [{ path: fifo, as: 7, mode: 'read' }])
      await child.when('it waits', () => child.text('stdout') === 'ready\n')
      writeSync(ours, 'late\n')
      await child.whenClosed()
      expect(child.text('stdout')).toBe('ready\ngot late\n')
    })

    it('opened for both ways, a named pipe that nobody else has waits for nobody', async () => {
      const lonely = join(folder, 'lonely')
      execFileSync('mkfifo', [lonely])
      const child = shell('echo self >&3; read -r line <&3; echo $line', [{ path: lonely, as: 3, mode: 'read-write' }])
      await child.whenClosed()
      expect(child.text('stdout')).toBe('self\n')
    })

    it('one that this process has open itself is handed on', async () => {
      const child = shell('echo through >&6', [{ inherited: ours, as: 6 }])
      await child.whenClosed()
      expect(readOurs()).toBe('through\n')
    })

    it('several get the numbers they were asked for, and are there for nobody else', async () => {
      const paths = ['one', 'two', 'three'].map((name) => join(folder, name))
      for (const path of paths) writeFileSync(path, `${path.slice(folder.length + 1)}\n`)
      const asked = [20, 3, 4].map((as, n) => ({ path: paths[n]!, as, mode: 'read' as const }))
      const child = shell('cat <&20; cat <&3; cat <&4; ls /proc/$$/fd', asked)
      await child.whenClosed()
      expect(child.text('stdout').split('\n').slice(0, 3)).toEqual(['one', 'two', 'three'])
      expect(child.text('stdout')).toMatch(/\n20\n/)
      const next = startRecorded(launcherOf(), { file: '/bin/ls', args: ['-l', '/proc/self/fd'] })
      await next.whenClosed()
      expect(next.text('stdout')).not.toContain(folder)
    })

    it('are opened relative to this process, and left as they are', async () => {
      writeFileSync(join(folder, 'kept'), 'kept')
      const before = process.cwd()
      process.chdir(folder)
      const child = shell('cat <&3; printf K >&4; cat kept', [
        { path: 'kept', as: 3, mode: 'read' },
        { path: 'kept', as: 4, mode: 'write' },
      ])
      process.chdir(before)
      await child.whenClosed()
      expect(child.text('stdout')).toBe('keptKept')
    })

    const failing: [string, () => DescriptorSpec[], string, RegExp][] = [
      ['no such file', () => [{ path: '/nonexistent/x', as: 3, mode: 'read' }], 'ENOENT', /\/nonexistent\/x/],
      ['not open here', () => [{ inherited: 987, as: 3 }], 'EBADF', /descriptor 987/],
      ['a stream', () => [{ path: '/dev/null', as: 2, mode: 'read' }], 'ERR_DROVER_OPTION', /from 3 to 1023, not 2/],
      ['too high', () => [{ path: '/dev/null', as: 1024, mode: 'read' }], 'ERR_DROVER_OPTION', /not 1024/],
      [
        'one number twice',
        () => [
          { path: '/dev/null', as: 3, mode: 'read' },
          { path: '/dev/null', as: 3, mode: 'read' },
        ],
        'ERR_DROVER_OPTION',
        /as 3/,
      ],
    ]
    for (const [what, descriptors, code, message] of failing) {
      it(`that cannot be given fail the start: ${what}`, async () => {
        const child = shell('true', descriptors())
        await child.whenClosed()
        expect(child.spawnError).toMatchObject({ code, message: expect.stringMatching(message) })
        expect(child.calls).toEqual(['spawn-error'])
      })
    }

    it('that cannot be given fail the start: a named pipe that nobody reads', async () => {
      const unread = join(folder, 'unread')
      execFileSync('mkfifo', [unread])
      const child = shell('true', [{ path: unread, as: 3, mode: 'write' }])
      await child.whenClosed()
      expect(child.spawnError).toMatchObject({ code: 'ENXIO', message: expect.stringContaining(unread) })
    })
  })
}
