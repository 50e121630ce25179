import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Launcher, StartSpec } from '../../src/launcher/port.js'
import { recordedStarts, startRecorded } from './recorder.js'

/** The part of the contract that is about what a child is started with, and about starts that fail. */
export function describeStarts(launcherOf: () => Launcher, isRemote: boolean): void {
  const { start, shell } = recordedStarts(launcherOf)

  describe('starting', () => {
    let folder: string
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'drover-contract-'))
    })
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    it('tells spawn, output, ends and exit, in order, and never from within start', async () => {
      const child = shell('echo out; echo err >&2')
      await child.whenClosed()
      expect(child.calls[0]).toBe('spawn')
      expect(child.calls.some((call) => call.endsWith('within start'))).toBe(false)
      expect(child.calls.filter((call) => ['spawn', 'exit', 'stdout-end', 'stderr-end'].includes(call)).sort()).toEqual(
        ['exit', 'spawn', 'stderr-end', 'stdout-end'],
      )
      expect(child.calls.indexOf('stdout')).toBeLessThan(child.calls.indexOf('stdout-end'))
      expect(child.text('stdout')).toBe('out\n')
      expect(child.text('stderr')).toBe('err\n')
      expect(child.exit).toMatchObject({ exitCode: 0, signal: null, groupAlive: false })
      expect(child.child.pid).toBe(child.pid)
    })

    it('gives exit codes and signals', async () => {
      const [coded, signalled] = [shell('exit 7'), shell('kill -SEGV $$')]
      await Promise.all([coded.whenClosed(), signalled.whenClosed()])
      expect(coded.exit).toMatchObject({ exitCode: 7, signal: null })
      expect(signalled.exit).toMatchObject({ exitCode: null, signal: 'SIGSEGV' })
    })

    it('passes arguments as they are', async () => {
      const args = ['', ' ', "it's", '"', '$(id)', ';', '-n', '{}', 'a\nb', 'é漢🎉', '\\', '*']
      const child = start('/usr/bin/printf', ['[%s]', ...args])
      await child.whenClosed()
      expect(child.text('stdout')).toBe(args.map((arg) => `[${arg}]`).join(''))
    })

    it('finds programs on the PATH, the one the child is given', async () => {
      writeFileSync(join(folder, 'only-here'), '#!/bin/sh\necho found "$1"\n')
      chmodSync(join(folder, 'only-here'), 0o755)
      const child = start('only-here', ['me'], { env: { PATH: `${folder}:/usr/bin:/bin` } })
      await child.whenClosed()
      expect(child.text('stdout')).toBe('found me\n')
    })

    it('runs a script without a first line by the shell, as execvp does', async () => {
      writeFileSync(join(folder, 'no-shebang'), 'echo plain "$1"\n')
      chmodSync(join(folder, 'no-shebang'), 0o755)
      const child = start(join(folder, 'no-shebang'), ['script'])
      await child.whenClosed()
      expect(child.text('stdout')).toBe('plain script\n')
    })

    it('adds to, changes and removes from the environment', async () => {
      process.env.DROVER_TEST_REMOVE = 'still here'
      process.env.DROVER_TEST_KEEP = 'kept'
      const child = shell('echo "$NEW|${DROVER_TEST_REMOVE-gone}|$DROVER_TEST_KEEP|$EMPTY"', {
        env: { NEW: 'é =x', DROVER_TEST_REMOVE: null, EMPTY: '' },
      })
      await child.whenClosed()
      delete process.env.DROVER_TEST_REMOVE
      delete process.env.DROVER_TEST_KEEP
      expect(child.text('stdout')).toBe(`é =x|gone|${isRemote ? '' : 'kept'}|\n`)
    })

    it('sees changes of the parent environment, or nothing of it', async () => {
      process.env.DROVER_TEST_LATE = 'one'
      const first = shell('echo $DROVER_TEST_LATE')
      await first.whenClosed()
      process.env.DROVER_TEST_LATE = 'two'
      const second = shell('echo $DROVER_TEST_LATE')
      await second.whenClosed()
      delete process.env.DROVER_TEST_LATE
      expect([first.text('stdout'), second.text('stdout')]).toEqual(isRemote ? ['\n', '\n'] : ['one\n', 'two\n'])
    })

    it('starts in the working directory', async () => {
      const child = shell('pwd', { cwd: folder })
      await child.whenClosed()
      expect(child.text('stdout')).toBe(`${folder}\n`)
    })

    it('starts each child in a session of its own, with default signals and no descriptors of ours', async () => {
      const ours = openSync(join(folder, 'a file that the parent has open'), 'w')
      const child = shell('cut -d" " -f1,5,6 /proc/self/stat; grep SigIgn /proc/self/status; ls -l /proc/self/fd')
      await child.whenClosed()
      closeSync(ours)
      const [ids, ignored, ...descriptors] = child.text('stdout').split('\n')
      expect(ids?.split(' ').slice(1)).toEqual([String(child.pid), String(child.pid)])
      expect(ignored).toMatch(/SigIgn:\s0+$/)
      expect(descriptors.join('\n')).toContain('/proc/')
      expect(descriptors.join('\n')).not.toMatch(/the parent has open|eventpoll|eventfd|timerfd|signalfd/)
    })

    it('passes bytes that are not UTF-8, or says that it cannot', async () => {
      const child = start('/usr/bin/printf', ['%s', Buffer.from([0x61, 0xff, 0xfe, 0x62])], {
        env: { RAW: Buffer.from([0xc3, 0x28]) },
      })
      await child.whenClosed()
      if (launcherOf().capabilities.bytes) {
        expect(Buffer.concat(child.chunks.stdout)).toEqual(Buffer.from([0x61, 0xff, 0xfe, 0x62]))
      } else {
        expect(child.spawnError).toMatchObject({ code: 'ERR_DROVER_NOT_UTF8' })
      }
    })

    it('accounts for resources, or says null', async () => {
      const child = shell('i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done')
      await child.whenClosed()
      if (launcherOf().capabilities.usage) {
        expect(child.exit!.cpuUserMs).toBeGreaterThan(0)
        expect(child.exit!.maxRssBytes).toBeGreaterThan(100_000)
      } else {
        expect(child.exit).toMatchObject({ cpuUserMs: null, cpuSystemMs: null, maxRssBytes: null })
      }
    })
  })

  describe('a start that fails', () => {
    const failing: [string, Partial<StartSpec> & Pick<StartSpec, 'file'>, string, RegExp][] = [
      ['no such program on the PATH', { file: 'drover-no-such-program' }, 'ENOENT', /drover-no-such-program/],
      ['no such path', { file: '/nonexistent/program' }, 'ENOENT', /\/nonexistent\/program/],
      ['not executable', { file: '/etc/passwd' }, 'EACCES', /\/etc\/passwd/],
      ['a directory', { file: '/usr' }, 'EACCES', /\/usr/],
      [
        'no such working directory',
        { file: '/bin/true', cwd: '/nonexistent/folder' },
        'ENOENT',
        /working directory.*\/nonexistent\/folder/,
      ],
      [
        'a file as working directory',
        { file: '/bin/true', cwd: '/etc/passwd' },
        'ENOTDIR',
        /working directory.*\/etc\/passwd/,
      ],
      [
        'arguments too long',
        { file: '/bin/true', args: Array.from({ length: 40 }, () => 'x'.repeat(120_000)) },
        'E2BIG',
        /longer/,
      ],
      ['one argument too long', { file: '/bin/true', args: ['x'.repeat(200_000)] }, 'E2BIG', /longer/],
      [
        'no such file for stdin',
        { file: '/bin/cat', stdin: { from: 'file', path: '/nonexistent/in' } },
        'ENOENT',
        /\/nonexistent\/in/,
      ],
      [
        'no such folder for stdout',
        { file: '/bin/echo', stdout: { to: 'file', path: '/nonexistent/out' } },
        'ENOENT',
        /\/nonexistent\/out/,
      ],
    ]
    for (const [what, spec, code, message] of failing) {
      it(`${what}: ${code}`, async () => {
        const child = startRecorded(launcherOf(), spec)
        await child.when('it failed', () => child.spawnError !== null)
        expect(child.spawnError).toMatchObject({ code, message: expect.stringMatching(message) })
        expect(child.calls).toEqual(['spawn-error'])
        expect(await child.child.signalTree('SIGTERM')).toBe(0)
        expect(await child.child.countTree()).toBe(0)
      })
    }

    it('does not harm the next start', async () => {
      start('drover-no-such-program')
      const child = shell('echo fine')
      await child.whenClosed()
      expect(child.text('stdout')).toBe('fine\n')
    })
  })
}
