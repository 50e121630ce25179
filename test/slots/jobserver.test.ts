import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { dispatch, OptionError } from '../../src/index.js'
import { runtimeFolder } from '../../src/slots/runtime-folder.js'
import { Drover, drover, PROGRAM } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { Leaves } from './leaves.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-jobserver-'))
  // Others' runs have their pipes elsewhere.
  mkdirSync(join(folder, 'runtime'), { mode: 0o700 })
  vi.stubEnv('XDG_RUNTIME_DIR', join(folder, 'runtime'))
})
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const DROVER = `'${process.execPath}' '${PROGRAM}'`
const COUNT = fileURLToPath(new URL('./programs/count-tokens.py', import.meta.url))
const fifos = () => readdirSync(runtimeFolder()).filter((name) => name.startsWith(`jobs-`))

describe('drover run as a jobserver', () => {
  it('holds one limit for drovers in drovers and makes in these', async () => {
    const leaves = new Leaves(folder)
    const makefile = file('leaves.mk', `all: a b\na b:\n\t@${leaves.command(0.5)}\n`)
    const inner = file('inner.sh', `seq 4 | ${DROVER} run -j 4 'make -s -f ${makefile}; : {}'\n`)
    const end = await drover(['run', '-j', '4', `sh ${inner}; : {}`, ':::', '1', '2', '3', '4'])
    expect(end).toMatchObject({ status: 0, stdout: '', stderr: '' })
    expect(leaves.overlap()).toMatchObject({ count: 32, most: 4 })
    expect(leaves.overlap().mean).toBeGreaterThan(3)
  }, 60_000)

  it('names itself to tasks by descriptors, or by a named pipe', async () => {
    const end = await drover([
      'run',
      '-j',
      '3',
      'echo "$MAKEFLAGS"; test -p /dev/fd/3 && test -p /dev/fd/4; : {}',
      ':::',
      '1',
    ])
    expect(end).toMatchObject({ status: 0, stdout: ' -j3 --jobserver-auth=3,4\n' })
    const line = 'echo "$MAKEFLAGS"; test -p "${CARGO_MAKEFLAGS##*fifo:}"; test ! -e /dev/fd/3; : {}'
    const named = await drover(['run', '-j', '3', '--jobserver-form', 'fifo', line, ':::', '1'])
    expect(named.status).toBe(0)
    expect(named.stdout).toMatch(/^ -j3 --jobserver-auth=fifo:\/.+\n$/)
  })

  it('leaves no pipe behind, not even when it is killed', async () => {
    const seconds = uniqueSleep()
    const before = fifos()
    await drover(['run', '-j', '2', 'true', ':::', '1'])
    expect(fifos()).toEqual(before)
    const run = new Drover(['run', '-j', '2', `sleep ${seconds}; : {}`, ':::', '1'])
    await until('it runs', () => processesWith(`sleep ${seconds}`).length > 0)
    expect(fifos().length).toBe(before.length + 1)
    run.process.kill('SIGKILL')
    await until('the pipe is gone', () => fifos().length === before.length)
    expect(processesWith(seconds)).toEqual([])
  })

  it('has all its slots again after tokens were lost with who had taken them', async () => {
    const leaves = new Leaves(folder)
    const thief = file(
      'thief.py',
      'import os\nn = 0\nwhile n < 3: n += len(os.read(3, 3 - n))\nos.kill(os.getpid(), 9)\n',
    )
    const run = new Drover(['run', '-j', '4'])
    run.process.stdin.write(`exec python3 ${thief}\n`)
    await until('the thief is gone', () => run.stderr.includes('SIGKILL'))
    run.process.stdin.end(`${leaves.command()}\n`.repeat(12))
    await run.end
    expect(leaves.overlap()).toMatchObject({ count: 12, most: 4 })
  })

  it('takes all of a heavy task or nothing, and ends', async () => {
    const leaves = new Leaves(folder)
    const tasks = [3, 1, 3, 1, 2, 9, 1].map((weight) => ({ command: leaves.command(0.05), weight }))
    const summary = await dispatch(tasks, { concurrency: 3, jobserver: 'server' }).summary()
    expect(summary.byState.succeeded).toBe(tasks.length)
    expect(leaves.overlap().most).toBeLessThanOrEqual(2)
  })

  it('follows a number of jobs that changes', async () => {
    const leaves = new Leaves(folder)
    const run = dispatch(Array<string>(20).fill(leaves.command(0.1)), { concurrency: 1, jobserver: 'server' })
    const summary = run.summary()
    await until('some are done', () => run.progress().done >= 2)
    run.concurrency = 4
    await until('more are done', () => run.progress().done >= 12)
    run.concurrency = 1
    expect((await summary).byState.succeeded).toBe(20)
    expect(leaves.overlap().most).toBe(4)
  })

  it('tells tasks of no jobserver when it is off', async () => {
    const env = { MAKEFLAGS: 'k -j9 --jobserver-auth=3,4' }
    const end = await drover(['run', '--jobserver', 'off', 'echo "[$MAKEFLAGS]"; : {}', ':::', '1'], { env })
    expect(end).toMatchObject({ status: 0, stdout: '[k]\n', stderr: '' })
  })

  it('goes on without, and says so, where there can be no pipe, unless it was asked for', async () => {
    const env = { XDG_RUNTIME_DIR: folder }
    writeFileSync(join(folder, 'drover'), 'no folder')
    const without = await drover(['run', 'echo', ':::', '1', '2'], { env })
    expect(without.status).toBe(0)
    expect(without.stdout.split('\n').sort()).toEqual(['', '1', '2'])
    expect(without.stderr.match(/tasks are told of no jobserver/g)).toHaveLength(1)
    const asked = await drover(['run', '--jobserver', 'server', 'echo', ':::', '1'], { env })
    expect(asked).toMatchObject({ status: 102, stdout: '' })
    rmSync(join(folder, 'drover'))
  })

  it('refuses what cannot be', async () => {
    const client = await drover(['run', '--jobserver', 'client', 'true', ':::', '1'], { env: { MAKEFLAGS: '' } })
    expect(client).toMatchObject({ status: 255, stdout: '' })
    expect(client.stderr).toContain('MAKEFLAGS names no jobserver')
    const mode = await drover(['run', '--jobserver', 'both', 'true', ':::', '1'])
    expect(mode.status).toBe(255)
    const node = await drover(['run', '--launcher', 'node', '--jobserver', 'server', 'true', ':::', '1'])
    expect(node).toMatchObject({ status: 255 })
    expect(() => dispatch([], { jobserver: 'x' as never })).toThrow(OptionError)
  })
})

describe('drover run under make', () => {
  const count = `+@python3 ${COUNT} 4`

  async function make(makefile: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
    const child = spawn('make', ['-f', makefile, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    const out = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => {
      out.stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      out.stderr += chunk
    })
    await once(child, 'close')
    return out
  }

  it('is one of its jobs, together with all that it starts', async () => {
    const leaves = new Leaves(folder)
    const rule = (name: string) => `${name}:\n\t+@seq 6 | ${DROVER} run -j 8 '${leaves.command()}; : {}'\n`
    const makefile = file('client.mk', `all: a b c\n${rule('a')}${rule('b')}c:\n\t@${leaves.command()}\n`)
    expect(await make(makefile, ['-j3', 'all'])).toEqual({ stdout: '', stderr: '' })
    expect(leaves.overlap()).toMatchObject({ count: 13, most: 3 })
    expect(leaves.overlap().mean).toBeGreaterThan(2)
  }, 60_000)

  it('gives back all tokens', async () => {
    const makefile = file(
      'count.mk',
      `count:\n\t${count}\n\t+@seq 30 | ${DROVER} run -j 4 'sleep 0.01; : {}'\n\t${count}\n`,
    )
    expect(await make(makefile, ['-j5', 'count'])).toEqual({ stdout: '4\n4\n', stderr: '' })
  })

  it.each([
    ['drover', (seconds: string) => `pkill -9 -f '^[^ ]*node [^ ]*drover.cjs run -j 3 exec sleep ${seconds}'`],
    ['its launcher', (seconds: string) => `kill -9 $(ps -o ppid= -p $(pgrep -f '^sleep ${seconds}' | head -n 1))`],
  ])('gives back all tokens when %s is killed', async (_what, kill) => {
    const seconds = uniqueSleep()
    const script = file(
      'killed.sh',
      `seq 3 | ${DROVER} run -j 3 'exec sleep ${seconds}; : {}' 2>/dev/null & p=$!
while [ "$(pgrep -fc '^sleep ${seconds}')" != 3 ]; do sleep 0.02; done
${kill(seconds)}
wait $p
exit 0
`,
    )
    const makefile = file('killed.mk', `count:\n\t${count}\n\t+@sh ${script}\n\t${count}\n`)
    expect((await make(makefile, ['-j5', 'count'])).stdout).toBe('4\n4\n')
    expect(processesWith(`sleep ${seconds}`)).toEqual([])
  })

  it('sees that the descriptors are not the ones that were meant, and goes without', async () => {
    const makefile = file('plain.mk', `plain:\n\t@seq 3 | ${DROVER} run -k 'echo {}'\n`)
    const { stdout, stderr } = await make(makefile, ['-j3', 'plain'])
    expect(stdout).toBe('1\n2\n3\n')
    expect(stderr).toContain('the jobserver that MAKEFLAGS names cannot be used')
    expect(stderr).toContain('put a + before the line')
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  it('runs as many as the jobserver has, where it is not told how many', async () => {
    const leaves = new Leaves(folder)
    const makefile = file('all.mk', `all:\n\t+@seq 18 | ${DROVER} run '${leaves.command()}; : {}'\n`)
    expect(await make(makefile, ['-j6', 'all'])).toEqual({ stdout: '', stderr: '' })
    expect(leaves.overlap()).toMatchObject({ count: 18, most: 6 })
  })
})
