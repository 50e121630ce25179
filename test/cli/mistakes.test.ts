import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drover, PROGRAM, resultsOf } from '../helpers/drover.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-mistakes-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs a line of bash in which `drover` is the command. */
const bash = async (line: string) => {
  const script = `drover() { '${process.execPath}' '${PROGRAM}' "$@"; }\n${line}`
  return promisify(execFile)('bash', ['-c', script], { cwd: folder })
}

describe('a wrong value is named as it was given, with what to do about it', () => {
  it.each([
    [['--halt', 'soon'], '--halt: expected never, or now or soon with fail'],
    [['--results', PROGRAM], `--results: ${PROGRAM} cannot be made: file already exists (EEXIST); name another`],
    [['--tmpdir', '/no/such'], '--tmpdir: /no/such cannot be used: no such file or directory (ENOENT); name a'],
    [
      ['--hosts-file', '/no/such'],
      'hosts: /no/such cannot be read: no such file or directory; name a file with a host on',
    ],
    [['--hosts-file', ''], 'hosts: a file without a name cannot be read: no such file or directory; name a file'],
    [
      ['--queue', 'foo'],
      'queue: expected an address, as in redis://localhost:6379 or postgres://user@host/database, that',
    ],
    [['-a', ''], '-a: expected the name of a file, not ""'],
    [['--tasks', ''], '--tasks: expected the name of a file, not ""'],
    [['--results', ''], '--results: expected the name of a file, not ""'],
    [['--tmpdir', ''], '--tmpdir: expected the name of a file, not ""'],
    [['--jobs-file', ''], '--jobs-file: expected the name of a file, not ""'],
    [['--jobs-file', '/no/such'], '--jobs-file: /no/such cannot be read: no such file or directory (ENOENT)\n'],
  ])('%s', async (options, message) => {
    const items = ['-a', '--tasks'].includes(options[0]!) ? [] : [':::', '1']
    const end = await drover(['run', ...options, 'echo', ...items], { cwd: folder })
    expect(end).toMatchObject({ status: 255, stdout: '' })
    expect(end.stderr).toContain(`drover: ${message}`)
  })

  it.each([
    [['run', '--pipe-part', '-a', '', 'cat'], '-a'],
    [['pool', '-a', '', 'cat', '--protocol', 'lines'], '-a'],
    [['submit', '--queue', 'foo', 'true', ':::', '1'], 'queue'],
  ])('%j', async (words, option) => {
    const end = await drover(words, { cwd: folder })
    expect(end).toMatchObject({ status: 255, stdout: '' })
    expect(end.stderr).toMatch(
      new RegExp(`^drover: ${option}: expected (the name of a file, not ""|an address, as in)`),
    )
  })

  it('in nothing but ASCII where that is all that was asked for', async () => {
    const words = ['run', '--timeout', '100ms', 'sleep 9; echo', ':::', 'caf\u00e9 \u{1f600}']
    const said = 'caf\\u{e9} \\u{1f600}'
    for (const [env, shown] of [
      [{ LC_ALL: 'C' }, said],
      [{ LC_ALL: '', LC_CTYPE: 'POSIX' }, said],
      [{ LC_ALL: '', LC_CTYPE: '', LANG: '' }, words.at(-1)],
      [{ LC_ALL: 'C.UTF-8' }, words.at(-1)],
    ] as const) {
      const { stderr } = await drover(words, { env })
      expect([env, stderr]).toEqual([env, expect.stringContaining(`(sleep 9; echo '${shown}'): timed-out`)])
    }
  })

  it('a number of jobs for a run that goes on', async () => {
    const end = await drover(['jobs', '1', 'many'])
    expect(end).toMatchObject({ status: 255, stdout: '' })
    expect(end.stderr).toBe('drover: N: expected a number, or one like 50%, +2 or -1, not "many"\n')
  })

  it('and what halted a run is said with what is left', async () => {
    const { stderr, status } = await drover(['run', '-j1', '--halt', 'soon,fail=1', 'exit', ':::', '1', '2', '3'])
    expect(stderr).toBe('drover: 1 task: 1 failed; halted by soon,fail=1, 2 not started\n')
    expect(status).toBe(1)
  })
})

describe('what is mistyped is asked about, and nothing is started', () => {
  const touch = ['touch started-{}', ':::', '1', '2']
  it.each([
    ['an option of run, with items', ['run', '--journl', 'night.jsonl', ...touch], '--journal', 'drover run --help'],
    ['a flag of run', ['run', '--jsn', ...touch], '--json', 'drover run --help'],
    ['with a value', ['run', '--timout=5s', ...touch], '--timeout', 'drover run --help'],
    ['an option of pool', ['pool', '--modul', 'x.js'], '--module', 'drover pool --help'],
    ['an option of results', ['results', '--stat', 'failed', 'x'], '--state', 'drover results --help'],
    ['an option of workerpool', ['workerpool', '--max_thread', '2'], '--max_threads', 'drover workerpool --help'],
    ['an option of ps', ['ps', '--taks'], '--tasks', 'drover ps --help'],
    ['a command', ['rnu', ...touch], 'run', 'drover --help'],
    ['a command that help is asked for', ['help', 'rnu'], 'run', 'drover --help'],
    ['a command of slots', ['slots', 'st', 'name', '3'], 'set', 'drover slots --help'],
  ])('%s', async (_what, args, meant, next) => {
    const end = await drover(args, { cwd: folder })
    expect(end).toMatchObject({ status: 255, stdout: '' })
    expect(end.stderr).toContain(`(Did you mean ${meant}?)`)
    expect(end.stderr).toContain(next)
    expect([1, 2].map((n) => existsSync(join(folder, `started-${n}`)))).toEqual([false, false])
  })

  it('but what is like nothing there is', async () => {
    expect((await drover(['slots', 'whatever'])).stderr).toMatch(/^drover: unknown command 'whatever'\nRun /)
  })

  it('leaves alone what is an option of the command that is run', async () => {
    expect(await drover(['run', 'echo', '--journl', ':::', '1'])).toMatchObject({
      status: 0,
      stdout: '--journl 1\n',
    })
  })

  it.each([
    ['{"comand":"true"}', 'field "comand": unknown field; did you mean "command"?'],
    ['{"command":"true","retrys":1}', 'field "retrys": unknown field; did you mean "retries"?'],
    ['{"x":1,"cmdn":"true"}', 'field "cmdn": unknown field; did you mean "cmd"?'],
    ['{"command":"true","timeoutms":1}', 'field "timeoutms": unknown field; did you mean "timeoutMs"?'],
    ['{"command":"true","colour":1}', 'field "colour": unknown field; known are id, command, args'],
  ])('in a task, %s', async (task, message) => {
    const end = await drover(['run', '--json', '--tasks', '-'], { input: `${task}\n` })
    expect(end.status).toBe(1)
    expect(resultsOf(end)).toMatchObject([{ state: 'invalid', error: { code: 'ERR_DROVER_INPUT' } }])
    expect(resultsOf(end)[0]!.error!.message).toContain(message)
  })
})

/** Opens a pipe, as 4, whose reader is gone. */
const CLOSED = 'rm -f pipe; mkfifo pipe; exec 3<>pipe; exec 4>pipe; exec 3<&-;'

describe('output that nobody reads', () => {
  it.each([
    '--help',
    'run --help',
    'help run',
    'pool --help',
    'slots set --help',
    '--version',
    'doctor',
    'doctor --json',
    'ps',
    'ps --json',
  ])('drover %s ends of SIGPIPE, without a word', async (words) => {
    expect(await bash(`${CLOSED} drover ${words} >&4; echo $?`)).toEqual({ stdout: '141\n', stderr: '' })
  })

  it('what is wrong keeps its status when nobody reads that', async () => {
    expect((await bash(`${CLOSED} drover run --journl 2>&4; echo $?`)).stdout).toBe('255\n')
    expect((await bash(`${CLOSED} drover results no-such-journal 2>&4; echo $?`)).stdout).toBe('255\n')
  })

  it('and it is 102 for output that cannot be written', async () => {
    const { stdout, stderr } = await bash('drover run --help > /dev/full; echo $?')
    expect(stdout).toBe('102\n')
    expect(stderr).toMatch(/^drover: standard output cannot be written to: ENOSPC/)
  })
})
