import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Launcher } from '../../src/launcher/port.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { describeCountedOutput } from './contract-counted.js'
import { describeStartOptions } from './contract-options.js'
import { describeOrderOfStreams } from './contract-order.js'
import { startRecorded } from './recorder.js'

/**
 * What every adapter of the launcher port must do. Where adapters differ by nature, the test asks
 * `launcher.capabilities` and checks the one promise or the other, never nothing.
 *
 * @param isRemote - whether children have another environment than this process, and none of its descriptors.
 */
export function describeLauncherContract(name: string, create: () => Launcher, isRemote = false): void {
  describe(`${name} launcher: contract`, () => {
    let launcher: Launcher
    let folder: string
    const start = (file: string | Uint8Array, args: (string | Uint8Array)[] = [], rest = {}) =>
      startRecorded(launcher, { file, args, ...rest })
    const shell = (line: string, rest = {}) => start('/bin/sh', ['-c', line], rest)

    beforeAll(() => {
      launcher = create()
      folder = mkdtempSync(join(tmpdir(), 'drover-contract-'))
    })
    afterAll(async () => {
      await launcher.close()
      rmSync(folder, { recursive: true, force: true })
    })

    describe('starting', () => {
      it('tells spawn, output, ends and exit, in order, and never from within start', async () => {
        const child = shell('echo out; echo err >&2')
        await child.whenClosed()
        expect(child.calls[0]).toBe('spawn')
        expect(child.calls.some((call) => call.endsWith('within start'))).toBe(false)
        expect(
          child.calls.filter((call) => ['spawn', 'exit', 'stdout-end', 'stderr-end'].includes(call)).sort(),
        ).toEqual(['exit', 'spawn', 'stderr-end', 'stdout-end'])
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
        if (launcher.capabilities.bytes) {
          expect(Buffer.concat(child.chunks.stdout)).toEqual(Buffer.from([0x61, 0xff, 0xfe, 0x62]))
        } else {
          expect(child.spawnError).toMatchObject({ code: 'ERR_DROVER_NOT_UTF8' })
        }
      })

      it('accounts for resources, or says null', async () => {
        const child = shell('i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done')
        await child.whenClosed()
        if (launcher.capabilities.usage) {
          expect(child.exit!.cpuUserMs).toBeGreaterThan(0)
          expect(child.exit!.maxRssBytes).toBeGreaterThan(100_000)
        } else {
          expect(child.exit).toMatchObject({ cpuUserMs: null, cpuSystemMs: null, maxRssBytes: null })
        }
      })
    })

    describe('a start that fails', () => {
      const failing: [
        string,
        () => { file: string; args?: string[]; cwd?: string; stdin?: object; stdout?: object },
        string,
        RegExp,
      ][] = [
        ['no such program on the PATH', () => ({ file: 'drover-no-such-program' }), 'ENOENT', /drover-no-such-program/],
        ['no such path', () => ({ file: '/nonexistent/program' }), 'ENOENT', /\/nonexistent\/program/],
        ['not executable', () => ({ file: '/etc/passwd' }), 'EACCES', /\/etc\/passwd/],
        ['a directory', () => ({ file: '/usr' }), 'EACCES', /\/usr/],
        [
          'no such working directory',
          () => ({ file: '/bin/true', cwd: '/nonexistent/folder' }),
          'ENOENT',
          /working directory.*\/nonexistent\/folder/,
        ],
        [
          'a file as working directory',
          () => ({ file: '/bin/true', cwd: '/etc/passwd' }),
          'ENOTDIR',
          /working directory.*\/etc\/passwd/,
        ],
        [
          'arguments too long',
          () => ({ file: '/bin/true', args: Array.from({ length: 40 }, () => 'x'.repeat(120_000)) }),
          'E2BIG',
          /longer/,
        ],
        ['one argument too long', () => ({ file: '/bin/true', args: ['x'.repeat(200_000)] }), 'E2BIG', /longer/],
        [
          'no such file for stdin',
          () => ({ file: '/bin/cat', stdin: { from: 'file', path: '/nonexistent/in' } }),
          'ENOENT',
          /\/nonexistent\/in/,
        ],
        [
          'no such folder for stdout',
          () => ({ file: '/bin/echo', stdout: { to: 'file', path: '/nonexistent/out' } }),
          'ENOENT',
          /\/nonexistent\/out/,
        ],
      ]
      for (const [what, spec, code, message] of failing) {
        it(`${what}: ${code}`, async () => {
          const { file, ...rest } = spec()
          const child = start(file, [], rest)
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

    describeStartOptions(() => launcher, isRemote)

    describe('standard input', () => {
      it('is empty by default', async () => {
        const child = shell('wc -c')
        await child.whenClosed()
        expect(child.text('stdout').trim()).toBe('0')
      })

      it('takes bytes of any size, while the child prints as much', async () => {
        const bytes = Buffer.alloc(3_000_001, 'abc\n')
        const child = start('cat', [], { stdin: { from: 'bytes', bytes } })
        await child.whenClosed()
        expect(Buffer.concat(child.chunks.stdout).equals(bytes)).toBe(true)
      })

      it('takes a file', async () => {
        writeFileSync(join(folder, 'in'), 'from a file')
        const child = start('cat', [], { stdin: { from: 'file', path: join(folder, 'in') } })
        await child.whenClosed()
        expect(child.text('stdout')).toBe('from a file')
      })

      for (const direct of [undefined, { reusesChunks: false }]) {
        it(`tells who writes on that nobody reads any more${direct === undefined ? '' : ', directly'}`, async () => {
          const child = shell('exec <&-; sleep 600', { stdin: { from: 'pipe' }, direct })
          const piece = Buffer.alloc(65_536, 'x')
          const deadline = performance.now() + 10_000
          let vain = 0
          while (child.inputClosed === 0) {
            if (performance.now() > deadline) throw new Error('it is not told')
            const before = child.drains
            if (child.child.write(piece)) vain += 1
            else await child.when('it is told', () => child.drains > before || child.inputClosed > 0)
            await new Promise((resolve) => setImmediate(resolve))
          }
          // As much as may be on its way, and no more.
          expect(vain).toBeLessThan(1_000)
          await child.child.signalTree('SIGKILL')
          await child.whenClosed()
          expect(child.inputClosed).toBe(1)
        })
      }

      it('takes parts of a file, one after the other', async () => {
        const path = join(folder, 'parts')
        const bytes = Buffer.alloc(3_000_001, 'abcdefg')
        writeFileSync(path, bytes)
        const ranges = [
          [5, 5],
          [1, 3],
          [2_999_999, 3_000_001],
          [10, 2_500_000],
        ] as const
        const child = start('cat', [], { stdin: { from: 'file', path, ranges } })
        await child.whenClosed()
        const parts = ranges.map(([from, end]) => bytes.subarray(from, end))
        expect(Buffer.concat(child.chunks.stdout).equals(Buffer.concat(parts))).toBe(true)
        expect(child.inputErrors).toEqual([])
      })

      it('of parts of a file that the child does not read is no failure', async () => {
        const path = join(folder, 'parts')
        writeFileSync(path, Buffer.alloc(5_000_000))
        const child = shell('exec <&-; echo closed', { stdin: { from: 'file', path, ranges: [[0, 5_000_000]] } })
        await child.whenClosed()
        expect(child.exit).toMatchObject({ exitCode: 0 })
        expect(child.inputErrors).toEqual([])
      })

      it('that ends before the part that was asked for is told, and before the end of the child', async () => {
        const path = join(folder, 'short')
        writeFileSync(path, 'abc')
        const child = start('cat', [], { stdin: { from: 'file', path, ranges: [[1, 10]] } })
        await child.whenClosed()
        expect(child.text('stdout')).toBe('bc')
        expect(child.inputErrors).toMatchObject([{ code: 'ERR_DROVER_STDIN', message: expect.stringContaining(path) }])
        expect(child.calls.indexOf('input-failed')).toBeLessThan(child.calls.indexOf('exit'))
      })

      it('cannot be parts of what is no regular file, or parts that cannot be', async () => {
        const errorOf = async (path: string, ranges: readonly (readonly [number, number])[]) => {
          const child = start('cat', [], { stdin: { from: 'file', path, ranges } })
          await child.when('it has failed', () => child.spawnError !== null)
          return child.spawnError!
        }
        expect(await errorOf(folder, [[0, 1]])).toMatchObject({
          code: 'EISDIR',
          message: expect.stringContaining(folder),
        })
        expect(await errorOf('/dev/null', [[0, 1]])).toMatchObject({ code: 'ESPIPE' })
        expect(await errorOf(join(folder, 'none'), [[0, 1]])).toMatchObject({ code: 'ENOENT' })
        for (const bad of [[], [[2, 1]], [[-1, 1]], [[0, 0.5]]] as [number, number][][]) {
          expect(await errorOf(join(folder, 'in'), bad)).toMatchObject({ code: 'ERR_DROVER_OPTION' })
        }
      })

      it('is fed piece by piece, and ends', async () => {
        const child = start('cat', [], { stdin: { from: 'pipe' } })
        child.child.write('one ')
        await child.when('the first piece is back', () => child.text('stdout') === 'one ')
        child.child.write(Buffer.from('two'))
        child.child.endInput()
        await child.whenClosed()
        expect(child.text('stdout')).toBe('one two')
      })

      it('asks the writer to wait when the child does not read, and to go on', async () => {
        const child = shell('read line; cat >/dev/null; echo done', { stdin: { from: 'pipe' } })
        const piece = Buffer.alloc(65_536, 'x')
        let written = 0
        while (child.child.write(piece)) {
          written += piece.length
          if (written > 64 * 1024 * 1024) throw new Error('64 MiB were taken without a word')
        }
        child.child.write('\n')
        await child.when('there is room again', () => child.drains > 0)
        child.child.endInput()
        await child.whenClosed()
        expect(child.text('stdout')).toBe('done\n')
      })

      it('that the child closes early is no failure', async () => {
        const child = shell('exec <&-; echo closed', { stdin: { from: 'bytes', bytes: Buffer.alloc(5_000_000) } })
        await child.whenClosed()
        expect(child.exit).toMatchObject({ exitCode: 0 })
        expect(child.child.write('late')).toBe(true)
      })
    })

    describe('output', () => {
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
        if (launcher.capabilities.realPipes) expect(child.text('stderr')).toBe('through\n')
        else expect(child.exit!.exitCode).not.toBe(0)
      })
    })

    describeOrderOfStreams(() => launcher)
    describeCountedOutput(() => launcher)

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
        const found = await launcher.signalScope('dropped', 'SIGKILL')
        if (launcher.capabilities.findsDoubleForks) {
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
        expect(await launcher.survivors('scope-a')).toBe(1)
        expect(await launcher.survivors('scope-b')).toBe(1)
        expect(await launcher.survivors('scope-c')).toBe(0)
        expect(await launcher.signalScope('scope-a', 'SIGKILL')).toBe(1)
        await until('one is left', () => processesWith(`sleep ${seconds}`).length === 1)
        await other.child.signalTree('SIGKILL')
        await other.whenClosed()
        expect(await launcher.survivors('scope-a')).toBe(0)
      })
    })

    it('runs two hundred children at once and tells each one apart', async () => {
      const children = Array.from({ length: 200 }, (_, n) =>
        shell(`echo ${n}; read line; exit ${n % 100}`, { stdin: { from: 'pipe' } }),
      )
      await Promise.all(
        children.map((child, n) => child.when('it printed', () => child.text('stdout') === `${n}\n`, 25_000)),
      )
      for (const child of children) child.child.write('go\n')
      await Promise.all(children.map((child) => child.whenClosed(25_000)))
      expect(children.map((child) => child.exit!.exitCode)).toEqual(children.map((_, n) => n % 100))
    })

    it('ends what is left when it is closed', async () => {
      const own = create()
      const seconds = uniqueSleep()
      const child = startRecorded(own, { file: 'sh', args: ['-c', `setsid sleep ${seconds} & sleep ${seconds}`] })
      await until('both run', () => processesWith(`sleep ${seconds}`).length >= 2)
      await own.close()
      await until('none is left', () => processesWith(seconds).length === 0)
      await child.when('its end was told', () => child.exit !== null || child.lost !== null)
      expect(existsSync(`/proc/${child.pid}`)).toBe(false)
    })
  })
}
