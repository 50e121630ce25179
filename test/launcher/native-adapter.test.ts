import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findBinary } from '../../src/launcher/native/binary.js'
import { createNativeLauncher, nativeLauncherUnavailable } from '../../src/launcher/native/native-launcher.js'
import type { Launcher } from '../../src/launcher/port.js'
import { isAlive, processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { buildParent, launchersOf, processesOf } from './native-processes.js'
import { startRecorded } from './recorder.js'

describe('native launcher', () => {
  let launcher: Launcher
  let folder: string
  const start = (file: string | Uint8Array, args: (string | Uint8Array)[] = [], rest = {}) =>
    startRecorded(launcher, { file, args, ...rest })
  const shell = (line: string | Uint8Array, rest = {}) => start('/bin/sh', ['-c', line], rest)

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'drover-native-'))
    chmodSync(folder, 0o755)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  beforeEach(() => {
    launcher = createNativeLauncher()
  })
  afterEach(async () => {
    await launcher.close()
    await until('its launcher is gone', () => launchersOf(process.pid).length === 0)
  })

  describe('bytes that are not UTF-8', () => {
    it('arrive in arguments, environment, program and shell line as they were', async () => {
      const odd = Buffer.from([0x61, 0xff, 0x62])
      const program = Buffer.concat([Buffer.from(`${folder}/`), odd])
      writeFileSync(program, '#!/bin/sh\nprintf "%s|%s" "$1" "$ODD"\n')
      chmodSync(program, 0o755)
      const child = start(program, [odd], { env: { ODD: odd } })
      const line = shell(Buffer.concat([Buffer.from('printf %s '), odd]))
      await Promise.all([child.whenClosed(), line.whenClosed()])
      expect(Buffer.concat(child.chunks.stdout)).toEqual(Buffer.concat([odd, Buffer.from('|'), odd]))
      expect(Buffer.concat(line.chunks.stdout)).toEqual(odd)
    })

    it('are refused as a start error when they are NUL', async () => {
      const child = start('echo', ['a\0b'])
      await child.when('it failed', () => child.spawnError !== null)
      expect(child.spawnError).toMatchObject({ code: 'EINVAL', message: expect.stringContaining('NUL') })
    })
  })

  describe('real pipes', () => {
    it('can be opened again as /dev/stdin, /dev/stdout and /dev/stderr', async () => {
      const child = start('sh', ['-c', 'cat /dev/stdin >/dev/stdout; echo x >/dev/stderr'], {
        stdin: { from: 'bytes', bytes: 'through' },
      })
      await child.whenClosed()
      expect([child.text('stdout'), child.text('stderr')]).toEqual(['through', 'x\n'])
    })
  })

  describe('flow control', () => {
    it('makes a child wait for a slow reader, with flat memory, and loses nothing', async () => {
      const bytes = 300_000_000
      let seen = 0
      let most = 0
      const child = start('head', ['-c', String(bytes), '/dev/zero'])
      child.onOutput = (_stream, chunk) => {
        seen += chunk.length
        child.child.pauseOutput('stdout')
        most = Math.max(most, process.memoryUsage().arrayBuffers)
        setImmediate(() => child.child.resumeOutput('stdout'))
      }
      const before = process.memoryUsage().arrayBuffers
      await child.when('it has printed all', () => child.ended.stdout, 60_000)
      expect(seen).toBe(bytes)
      expect(most - before).toBeLessThan(100_000_000)
    })

    it('keeps the launcher small while Node does not read at all', async () => {
      const child = shell('while :; do head -c 100000 /dev/zero; echo >&2; done')
      await child.when('it prints', () => child.bytes('stdout') > 0)
      const [halves] = launchersOf(process.pid)
      const end = performance.now() + 500
      while (performance.now() < end);
      expect(residentBytes(halves!.launcher)).toBeLessThan(8_000_000)
      await child.child.signalTree('SIGKILL')
    })

    it('closes the reader of one stream without harm to the other', async () => {
      const child = shell('trap "" PIPE; i=0; while echo out 2>/dev/null; do :; done; echo survived >&2')
      await child.when('it prints', () => child.bytes('stdout') > 0)
      child.child.closeOutput('stdout')
      await child.whenClosed()
      expect(child.text('stderr')).toContain('survived')
    })

    it('feeds many megabytes of standard input to a slow child without holding them all', async () => {
      const child = shell('sleep 0.2; wc -c', { stdin: { from: 'pipe' } })
      const piece = Buffer.alloc(1_000_000, 'x')
      let written = 0
      while (written < 50_000_000) {
        written += piece.length
        const drains = child.drains
        if (!child.child.write(piece)) await child.when('there is room', () => child.drains > drains)
      }
      child.child.endInput()
      await child.whenClosed()
      expect(child.text('stdout').trim()).toBe(String(written))
    })

    it('tells when a child closes its standard input, though nothing is being written', async () => {
      const child = shell('exec <&-; echo closed; sleep 5', { stdin: { from: 'pipe' } })
      await child.when('it is told', () => child.inputClosed > 0, 4_000)
      expect(child.child.write('x')).toBe(true)
      await child.child.signalTree('SIGKILL')
    })
  })

  describe('many', () => {
    it('runs five hundred at once and ends them all', async () => {
      const seconds = uniqueSleep()
      const children = Array.from({ length: 500 }, () => start('sleep', [seconds]))
      await Promise.all(children.map((child) => child.when('it runs', () => child.pid !== null, 25_000)))
      expect(await launcher.survivors('contract')).toBe(500)
      const begin = performance.now()
      const signalled = await Promise.all(children.map(({ child }) => child.signalTree('SIGKILL')))
      await until('they are gone', () => processesOf(`sleep ${seconds}`).length === 0)
      expect(performance.now() - begin).toBeLessThan(2_000)
      expect(signalled.every((count) => count === 1)).toBe(true)
      await Promise.all(children.map((child) => child.whenClosed()))
    })

    it('tells EMFILE when descriptors run out, and goes on when they are free again', async () => {
      const { runWithFew, remove } = await buildParent()
      const parent = runWithFew(60, 'many', 'read line', '40')
      await until('it has ended', () => parent.ended, 20_000)
      remove()
      expect(parent.output).toMatch(/^failed: EMFILE \(\d+\), then: fine\n$/)
    })
  })

  it('tells EMFILE when Node itself has no descriptor for the launcher, and starts it later', async () => {
    const { runWithFew, remove } = await buildParent()
    const parent = runWithFew(60, 'full')
    await until('it has ended', () => parent.ended, 20_000)
    remove()
    expect(parent.output).toBe('failed: EMFILE, then: fine\n')
  })

  describe('the start', () => {
    it('is a vfork', async () => {
      await start('true').whenClosed()
      const [halves] = launchersOf(process.pid)
      const log = join(folder, 'strace')
      const tracer = spawn('strace', ['-p', String(halves!.launcher), '-e', 'trace=clone,clone3,fork,vfork', '-o', log])
      await new Promise<void>((resolve) => tracer.stderr.once('data', () => resolve()))
      await start('true').whenClosed()
      tracer.kill('SIGINT')
      await new Promise((resolve) => tracer.once('close', resolve))
      expect(readFileSync(log, 'utf8')).toMatch(/CLONE_VM\|CLONE_VFORK/)
    })

    it('finds the working directory where Node has gone since', async () => {
      await start('true').whenClosed()
      const before = process.cwd()
      mkdirSync(join(folder, 'inner'), { recursive: true })
      process.chdir(folder)
      try {
        const [plain, relative] = [shell('pwd; echo hello >out', {}), shell('pwd', { cwd: 'inner' })]
        await Promise.all([plain.whenClosed(), relative.whenClosed()])
        expect(plain.text('stdout')).toBe(`${folder}\n`)
        expect(relative.text('stdout')).toBe(`${folder}/inner\n`)
        const file = start('cat', [], { stdin: { from: 'file', path: 'out' } })
        await file.whenClosed()
        expect(file.text('stdout')).toBe('hello\n')
      } finally {
        process.chdir(before)
      }
    })

    it('sends both streams into one file without loss', async () => {
      const path = join(folder, 'both')
      const child = shell('for i in 1 2 3; do echo out; echo err >&2; done', {
        stdout: { to: 'file', path },
        stderr: { to: 'file', path },
      })
      await child.when('it ended', () => child.exit !== null)
      expect(readFileSync(path, 'utf8')).toBe('out\nerr\n'.repeat(3))
    })

    it('sees each change of the environment, however close together', async () => {
      const children = [1, 2, 3].map((n) => {
        process.env.DROVER_TEST_CLOSE = String(n)
        return shell('echo $DROVER_TEST_CLOSE')
      })
      delete process.env.DROVER_TEST_CLOSE
      await Promise.all(children.map((child) => child.whenClosed()))
      expect(children.map((child) => child.text('stdout'))).toEqual(['1\n', '2\n', '3\n'])
    })

    it('marks each child with its scope and number, under the mark of an outer drover', async () => {
      const child = shell('echo $DROVER_TREE', { scope: 'run-a1' })
      await child.whenClosed()
      expect(child.text('stdout')).toMatch(/^(.+\/)?run-a1\.\d+\n$/)
    })
  })

  describe('trees', () => {
    it('sends a signal once to each process', async () => {
      const child = shell(
        `trap 'echo got' TERM; sh -c 'trap "echo got" TERM; echo ready; while :; do sleep 0.01; done' & echo ready; while :; do sleep 0.01; done`,
      )
      await child.when('both are ready', () => child.text('stdout') === 'ready\nready\n')
      await child.child.signalTree('SIGTERM')
      await child.when('both have got it', () => child.text('stdout').split('got').length === 3)
      expect(await child.child.signalTree('SIGKILL')).toBeGreaterThanOrEqual(2)
      await child.whenClosed()
      expect(child.text('stdout')).toBe('ready\nready\ngot\ngot\n')
    })

    it('does not end a launcher within the tree by a signal that leaves its Node alive', async () => {
      const child = shell(`trap '' TERM; echo ready; while :; do sleep 0.01; done`)
      await child.when('it is ready', () => child.text('stdout') === 'ready\n')
      const [halves] = launchersOf(process.pid)
      process.kill(halves!.launcher, 'SIGTERM')
      process.kill(halves!.guardian, 'SIGTERM')
      expect(await child.child.countTree()).toBeGreaterThanOrEqual(1)
      expect(launchersOf(process.pid)).toEqual([halves])
      await child.child.signalTree('SIGKILL')
      await child.whenClosed()
      expect(child.exit?.signal).toBe('SIGKILL')
    })

    it('ends a tree that forks as fast as it can', async () => {
      const mark = uniqueSleep()
      const child = shell(
        `spawn() { setsid sh -c ': ${mark}; while :; do sleep ${mark} & done' & }; spawn; spawn; wait`,
      )
      await until('there are many', () => processesWith(mark).length > 50)
      await until('none is left', async () => (await child.child.signalTree('SIGKILL')) === 0, 20_000)
      expect(processesWith(mark)).toEqual([])
    })

    it('does not confuse scopes that run side by side when a process of unknown origin is there', async () => {
      const [unknown, other] = [uniqueSleep(), uniqueSleep()]
      const line = `(setsid env -i sh -c 'sleep ${unknown} >/dev/null 2>&1 &'); exit 0`
      await shell(line, { scope: 'one' }).whenClosed()
      // By its age it is told from what a scope that began later can have started; the system counts in hundredths.
      await until('it is older than what follows', () => processesOf(`sleep ${unknown}`).some((pid) => ageMs(pid) > 30))
      const neighbour = start('sleep', [other], { scope: 'two' })
      await until('both run', () => processesOf(`sleep ${unknown}`).length + processesOf(`sleep ${other}`).length === 2)
      expect(await launcher.signalScope('one', 'SIGKILL')).toBe(0)
      expect(await launcher.signalScope('two', 'SIGKILL')).toBe(1)
      await neighbour.whenClosed()
      expect(await launcher.signalScope('one', 'SIGKILL')).toBe(1)
      await until('it is gone', () => processesOf(`sleep ${unknown}`).length === 0)
    })
  })

  describe('who and where Node is', () => {
    let parents: Awaited<ReturnType<typeof buildParent>>
    beforeAll(async () => {
      parents = await buildParent()
    })
    afterAll(() => parents.remove())

    it.skipIf(process.getuid?.() !== 0)('is followed when it becomes another user or changes its umask', async () => {
      const binary = join(folder, 'launcher-for-all')
      copyFileSync(findBinary()!, binary)
      chmodSync(binary, 0o755)
      const parent = parents.run(binary, 'user')
      await until('it has ended', () => parent.ended)
      expect(parent.output).toBe('0 0 0022\n65534 65534 0022\n65534 65534 0077\n')
    })

    it('gives Node its own streams to a child that inherits them', async () => {
      const parent = parents.run('inherit')
      parent.process.stdin!.end('from Node')
      await until('it has ended', () => parent.ended)
      expect(parent.output).toContain('from Node')
      expect(parent.output).toContain('to stderr')
    })
  })

  describe('a binary that does not run here', () => {
    const reasonFor = (name: string, content: Buffer | string, mode = 0o755) => {
      const binary = join(folder, name)
      writeFileSync(binary, content)
      chmodSync(binary, mode)
      const reason = nativeLauncherUnavailable({ binary })
      expect(() => createNativeLauncher({ binary })).toThrow(expect.objectContaining({ code: 'ERR_DROVER_LAUNCHER' }))
      return reason
    }

    it('is one that is not there, not a program, not executable, or for another processor', () => {
      const other = Buffer.from(readFileSync(findBinary()!))
      other.writeUInt16LE(other.readUInt16LE(18) === 62 ? 183 : 62, 18)
      expect(nativeLauncherUnavailable()).toBeNull()
      expect(nativeLauncherUnavailable({ binary: join(folder, 'none') })).toMatch(/there is no/)
      expect(reasonFor('text', 'not a program')).toMatch(/not a program/)
      expect(reasonFor('other', other)).toMatch(/another processor/)
      expect(reasonFor('closed', readFileSync(findBinary()!), 0o644)).toMatch(/may not be executed/)
    })

    it.skipIf(process.getuid?.() !== 0)('is one on a file system mounted with noexec', () => {
      const mount = join(folder, 'noexec')
      mkdirSync(mount)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'noexec', 'tmpfs', mount])
      try {
        copyFileSync(findBinary()!, join(mount, 'drover-launcher'))
        expect(nativeLauncherUnavailable({ binary: join(mount, 'drover-launcher') })).toMatch(/noexec/)
      } finally {
        execFileSync('umount', [mount])
      }
    })

    it('fails the starts when that shows only then, and is told of from then on', async () => {
      const binary = join(folder, 'broken')
      const content = Buffer.from(readFileSync(findBinary()!)).fill(0, 64)
      writeFileSync(binary, content)
      chmodSync(binary, 0o755)
      const broken = createNativeLauncher({ binary })
      const child = startRecorded(broken, { file: 'true' })
      await child.when('it failed', () => child.spawnError !== null)
      expect(child.spawnError?.code).toBe('ERR_DROVER_LAUNCHER')
      expect(nativeLauncherUnavailable({ binary })).toMatch(/does not run here/)
      await broken.close()
    })
  })
})

function residentBytes(pid: number): number {
  const status = isAlive(pid) ? readFileSync(`/proc/${pid}/status`, 'latin1') : ''
  return Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1] ?? Number.NaN) * 1024
}

function ageMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const began = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
  return Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 1000 - began * 10
}
