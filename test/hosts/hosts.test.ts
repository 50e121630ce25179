import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import { Dispatcher } from '../../src/dispatch/dispatcher.js'
import type { DispatchSourceOptions } from '../../src/index.js'
import type { Result } from '../../src/task/result.js'
import type { Task } from '../../src/task/task.js'
import { Drover, drover, PROGRAM, resultsOf } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { TestHosts } from './sshd.js'

let hosts: TestHosts
beforeAll(async () => {
  hosts = await TestHosts.start([{ name: 'one' }, { name: 'two' }])
  process.env.PATH = `${hosts.bin}:${process.env.PATH}`
})
afterAll(() => hosts?.end())

async function resultsFrom(tasks: readonly (Task | string)[], options: DispatchSourceOptions): Promise<Result[]> {
  const results: Result[] = []
  for await (const result of dispatch(tasks, options)) results.push(result)
  return results
}

const launchers = (host: string) => readdirSync(join(hosts.host(host).cache, 'drover'))

describe('drover run --hosts', () => {
  it('runs tasks on all hosts, as many at once as each has slots, and says where', async () => {
    const args = ['--hosts', 'one:3,two:2', '--json', 'echo $XDG_CACHE_HOME; while ! test -e {}; do sleep 0.01; done']
    const go = join(hosts.folder, 'go')
    const run = new Drover(['run', ...args, ...':::'.split(' '), ...Array(16).fill(go)], { cwd: hosts.folder })
    run.process.stdin.end()
    const running = () => processesWith(`while ! test -e '${go}'`).length
    await until('all slots are taken', () => running() >= 5)
    expect(running()).toBe(5)
    writeFileSync(go, '')
    const end = await run.end
    expect(end.stderr).toBe('')
    expect(end.status).toBe(0)
    const results = resultsOf(end)
    expect(results).toHaveLength(16)
    for (const { host, stdout, pid } of results) {
      expect(stdout).toBe(`${hosts.host(host).cache}\n`)
      expect(pid).toBeGreaterThan(0)
    }
    expect(new Set(results.map(({ host }) => host))).toEqual(new Set(['one', 'two']))
  })

  it('finds out how many CPUs a host has', async () => {
    const { stdout } = await drover(['run', '--hosts', 'one', 'nproc', ':::', ''])
    const cpus = Number(stdout)
    const go = join(hosts.folder, 'go-on')
    const run = new Drover([
      'run',
      '--hosts',
      'one',
      'while ! test -e {}; do sleep 0.01; done',
      ':::',
      ...Array(cpus * 3).fill(go),
    ])
    run.process.stdin.end()
    const running = () => processesWith(`while ! test -e '${go}'`).length
    await until('all slots are taken', () => running() >= cpus)
    expect(running()).toBe(cpus)
    writeFileSync(go, '')
    expect(await run.end).toMatchObject({ status: 0 })
  })

  it('stores the launcher once, for nobody else to see, and again when it is not what it was', async () => {
    await drover(['run', '--hosts', 'one:1', 'true', ':::', '1'])
    const [name, ...others] = launchers('one')
    expect(others).toEqual([])
    const path = join(hosts.host('one').cache, 'drover', name!)
    const before = statSync(path)
    expect(before.mode & 0o777).toBe(0o700)
    const calls = hosts.calls
    await drover(['run', '--hosts', 'one:1', 'true', ':::', '1'])
    expect(hosts.calls - calls).toBe(1)
    expect(statSync(path).ino).toBe(before.ino)
    const bytes = readFileSync(path)
    writeFileSync(path, Buffer.concat([bytes.subarray(0, -1), Buffer.from([bytes.at(-1)! ^ 1])]))
    expect(await drover(['run', '--hosts', 'one:1', 'echo', ':::', '1'])).toMatchObject({ status: 0, stdout: '1\n' })
    expect(readFileSync(path).equals(bytes)).toBe(true)
    expect(launchers('one')).toEqual([name])
  })

  it('runs on this machine as well, in the same run', async () => {
    const results = await resultsFrom(
      Array.from({ length: 20 }, () => 'sleep 0.1; echo ${SSH_CONNECTION:+far}'),
      { hosts: 'one:2,::2' },
    )
    expect(results.filter(({ stdout }) => stdout === 'far\n').every(({ host }) => host === 'one')).toBe(true)
    expect(new Set(results.map(({ stdout }) => stdout))).toEqual(new Set(['far\n', '\n']))
  })

  it('is there again for a Dispatcher that had nothing to do, and holds no connection meanwhile', async () => {
    const dispatcher = new Dispatcher({ hosts: 'one:2', keepFinished: true })
    for (const word of ['first', 'second']) {
      void dispatcher.add(`echo ${word}`)
      await dispatcher.dispatch()
      await until(
        'the connection has ended',
        () => processesWith(`${hosts.host('one').cache}/drover/launcher`).length === 0,
      )
    }
    expect(dispatcher.finished.map(({ stdout, host }) => `${host} ${stdout}`)).toEqual(['one first\n', 'one second\n'])
  })

  it('heeds timeouts, ends what is left, and keeps limits over there', async () => {
    const sleep = uniqueSleep()
    const found = await resultsFrom(
      [
        { command: `setsid sleep ${sleep} & sleep ${sleep}`, timeoutMs: 300 },
        `setsid sleep ${sleep} > /dev/null 2>&1 &`,
        'ulimit -f',
      ],
      { hosts: 'one:1', killGraceMs: 100, maxFileSizeBytes: 1024 * 512 },
    )
    // A task whose leftovers are being ended has given its slot to the next one.
    const [timedOut, left, limited] = found.sort((a, b) => a.index - b.index)
    expect(timedOut).toMatchObject({ state: 'timed-out', host: 'one' })
    expect(left).toMatchObject({ state: 'succeeded' })
    expect(limited).toMatchObject({ stdout: '1024\n' })
    expect(processesWith(sleep)).toEqual([])
  })

  it.each(['one', ':'])('ends what is beyond its memory or its number of processes there: %s', async (host) => {
    const sleep = uniqueSleep()
    const hog = `python3 -c 'import time; x = bytearray(60 << 20); time.sleep(60)'`
    const tasks = [
      `${hog} & setsid ${hog} & sleep ${sleep}`,
      `for n in $(seq 40); do setsid sleep ${sleep} & done; sleep ${sleep}`,
      `sleep 0.4; echo fine`,
      `exec ${hog.replace('sleep(60)', 'sleep(0.5)')}`,
    ]
    // A python may be a script that starts some more.
    const limits = { maxMemoryBytes: 100 * 2 ** 20, maxProcesses: 30 }
    const found = await resultsFrom(tasks, { hosts: `${host}:4`, ...limits, retries: 1, backoffMs: 1 })
    const [memory, processes, fine, peak] = found.sort((a, b) => a.index - b.index)
    const ended = { state: 'killed', signal: 'SIGKILL', attempts: 2, attempt: 2 }
    expect(memory).toMatchObject({ ...ended, error: { code: 'ERR_DROVER_MEMORY' } })
    expect(memory!.error!.message).toMatch(/used \d{9,} bytes of memory where 104857600 are allowed/)
    expect(memory!.maxRssBytes).toBeGreaterThan(100 * 2 ** 20)
    expect(processes).toMatchObject({ ...ended, error: { code: 'ERR_DROVER_PROCESSES' } })
    expect(fine).toMatchObject({ state: 'succeeded', stdout: 'fine\n', error: null })
    expect(peak).toMatchObject({ state: 'succeeded' })
    expect(peak!.maxRssBytes).toBeGreaterThan(60 * 2 ** 20)
    expect(processesWith(sleep)).toEqual([])
  })

  it('has the same folder there, or the one that was given, and no variables but those of the list', async () => {
    const folder = join(hosts.folder, "a folder's $(name)")
    mkdirSync(join(folder, 'below'), { recursive: true })
    const env = { ONE: 'a "b" $(c)\nd', TWO: 'two' }
    const run = (...args: string[]) => drover(['run', '--hosts', 'one', ...args, ':::', ''], { cwd: folder, env })
    expect((await run('pwd')).stdout).toBe(`${folder}\n`)
    expect((await run('--workdir', join(folder, 'below'), 'pwd')).stdout).toBe(`${join(folder, 'below')}\n`)
    expect((await run('--env', 'ONE', 'printf "%s|" "$ONE" "$TWO"')).stdout).toBe(`${env.ONE}|||`)
  })

  it('reads files of this machine and writes its results to files of this machine', async () => {
    const input = join(hosts.folder, 'input')
    writeFileSync(input, '0123456789'.repeat(100_000))
    const [whole, part] = await resultsFrom(
      [
        { command: 'md5sum', args: [], stdinFile: input },
        { command: 'cat', args: [], stdinFile: input, stdinRanges: [[5, 8]] },
      ],
      { hosts: 'one', concurrency: 1 },
    )
    const here = await resultsFrom([{ command: 'md5sum', args: [], stdinFile: input }], {})
    expect(whole).toMatchObject({ state: 'succeeded', stdout: here[0]!.stdout })
    expect(part).toMatchObject({ stdout: '567' })
    const folder = join(hosts.folder, 'results')
    const end = await drover([
      'run',
      '--hosts',
      'one',
      '--results',
      folder,
      'seq 200000; echo oops {} >&2',
      ':::',
      'a',
      'b',
    ])
    expect(end.status).toBe(0)
    const names = readdirSync(folder).filter((name) => name.endsWith('.stdout'))
    expect(names).toHaveLength(2)
    for (const name of names) expect(readFileSync(join(folder, name)).length).toBe(1_288_895)
  })
})

it('docs/hosts.md: its lines for the shell do what they say', async () => {
  const page = readFileSync(new URL('../../docs/hosts.md', import.meta.url), 'utf8')
  const lines = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, line]) => line!)
  expect(lines).toHaveLength(2)
  const names = ['a.log', "it's b.log", 'c.log']
  for (const [place, line] of lines.entries()) {
    const folder = join(hosts.folder, `logs ${place}`)
    mkdirSync(folder)
    for (const name of names) writeFileSync(join(folder, name), name)
    // Not in the home of who runs the tests.
    const moved = line.replace('--workdir drover-work', `--workdir '${join(hosts.folder, 'work')}'`)
    const script = `drover() { '${process.execPath}' '${PROGRAM}' "$@"; }\n${moved}`
    await promisify(execFile)('sh', ['-c', script], { cwd: folder })
    for (const name of names) expect(gunzipSync(readFileSync(join(folder, `${name}.gz`))).toString()).toBe(name)
  }
  expect(readdirSync(join(hosts.folder, 'work'))).toEqual([])
})

describe('what is sent to a host arrives as it was', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }).map((each) => each.replaceAll('\0', '')),
    fc.constantFrom(
      ' ',
      "'",
      '"',
      '$(touch executed)',
      '`touch executed`',
      '\\',
      '\n',
      '-n',
      ';&|',
      '!x',
      '*',
      '%',
      '~',
    ),
    fc.uint8Array().map((bytes) => bytes.filter((byte) => byte !== 0)),
  )
  const asBytes = (each: string | Uint8Array) => Buffer.from(each as string)

  it('arguments, variables and input, whatever is in them', async () => {
    const cases = fc.sample(fc.record({ args: fc.array(text), value: text, input: fc.uint8Array() }), 300)
    const tasks = cases.map(
      ({ args, value, input }, n): Task => ({
        id: String(n),
        command: 'sh',
        args: ['-c', 'for each; do printf "%s\\0" "$each"; done; printf "%s\\0" "$VALUE"; cat', 'sh', ...args],
        env: { VALUE: value },
        stdin: input,
      }),
    )
    const seen = new Set<number>()
    for await (const result of dispatch(tasks, { hosts: 'one:8,two:8', encoding: 'buffer' })) {
      const { args, value, input } = cases[result.index]!
      const words = [...args, value].flatMap((each) => [asBytes(each), Buffer.from([0])])
      expect(result.error).toBeNull()
      expect(result.stdout as unknown as Buffer).toEqual(Buffer.concat([...words, Buffer.from(input)]))
      seen.add(result.index)
    }
    expect(seen.size).toBe(cases.length)
    expect(existsSync('executed')).toBe(false)
  })

  it('names of hosts, of which nothing is executed', async () => {
    const mark = join(hosts.folder, 'executed')
    for (const name of [
      `$(touch ${mark})`,
      `\`touch ${mark}\``,
      `x;touch ${mark}`,
      `x y'"`,
      `-oProxyCommand=touch ${mark}`,
    ]) {
      const end = await drover(['run', '--hosts', name, 'echo', ':::', '1'])
      expect(end.status).toBeGreaterThan(100)
      expect(end.stdout).toBe('')
      expect(end.stderr).toContain('host')
    }
    expect(existsSync(mark)).toBe(false)
  })
})

describe('hosts that cannot be used', () => {
  it('are told of and left out; with none left nothing is started', async () => {
    const some = await drover(['run', '--hosts', 'one,nowhere.invalid', 'echo', ':::', '1'])
    expect(some).toMatchObject({ status: 0, stdout: '1\n' })
    const none = await drover(['run', '--hosts', 'nowhere.invalid', 'echo', ':::', '1'])
    expect(none).toMatchObject({ status: 102, stdout: '' })
    expect(none.stderr).toMatch(/no host can be used: cannot use the host nowhere\.invalid: .*[Rr]esolve/)
  })

  it('because their key is another one: nothing is sent to them', async () => {
    const { address, port } = hosts.host('one')
    const known = join(hosts.folder, 'wrong-hosts')
    const key = readFileSync(join(hosts.folder, 'key.pub'), 'utf8')
    writeFileSync(known, `[${address}]:${port} ${key}`)
    hosts.configure(
      `Host impostor\n  HostName ${address}\n  Port ${port}\n  IdentityFile ${hosts.folder}/key\n  UserKnownHostsFile ${known}\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes`,
    )
    const end = await drover(['run', '--hosts', 'impostor', 'echo', ':::', '1'])
    expect(end).toMatchObject({ status: 102, stdout: '' })
    expect(end.stderr).toContain('Host key verification failed')
  })

  it.each([
    [['--hosts', 'a b:0'], /from 1/],
    [['--hosts', 'a,a'], /twice/],
    [['--hosts', '-x'], /begins with -/],
    [['--hosts', 'a:b:c'], /colons/],
    [['--hosts', ''], /no name/],
    [['--hosts-file', '/nonexistent'], /cannot be read/],
    [['--hosts', 'a', '--ungroup'], /--ungroup/],
    [['--hosts', 'a', '--leftovers', 'keep'], /leftovers/],
    [['--hosts', 'a', '--cpus', '1'], /cpus/],
    [['--hosts', 'a', '--load', '1'], /maxLoad/],
    [['--hosts', 'a', '--jobserver', 'server'], /jobserver/],
    [['--workdir', '/tmp'], /--hosts/],
    [['--env', 'HOME'], /--hosts/],
  ])('are a mistake in the call: %j', async (args, message) => {
    const end = await drover(['run', ...args, 'echo', ':::', '1'])
    expect(end).toMatchObject({ status: 255, stdout: '' })
    expect(end.stderr).toMatch(message)
  })

  it('come from a file as well, which is named with the line of a mistake', async () => {
    const file = join(hosts.folder, 'list')
    writeFileSync(file, '# all of them\n\none:2   # the first\ntwo\n')
    expect((await drover(['run', '--hosts-file', file, 'echo', ':::', '1'])).stdout).toBe('1\n')
    writeFileSync(file, 'one\n\n-x\n')
    const end = await drover(['run', '--hosts-file', file, 'echo', ':::', '1'])
    expect(end.status).toBe(255)
    expect(end.stderr).toContain(`${file}, line 3`)
  })
})
