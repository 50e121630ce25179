import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CommandError, InputError, OptionError, run } from '../../src/index.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-run-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})
const errorOf = (promise: Promise<unknown>): Promise<CommandError> =>
  promise.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error) => error,
  )

describe('run', () => {
  it('gives everything that is known about a command that went well', async () => {
    const before = Date.now()
    const result = await run('echo out; echo err >&2', { id: 'a', meta: { any: 1 } })
    expect(result).toMatchObject({
      type: 'result',
      id: 'a',
      key: null,
      index: 0,
      state: 'succeeded',
      exitCode: 0,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
      stdoutBytes: 4,
      stderrBytes: 4,
      truncated: false,
      pipeHeld: false,
      leftovers: 0,
      attempt: 1,
      attempts: 1,
      host: hostname(),
      command: 'echo out; echo err >&2',
      args: null,
      meta: { any: 1 },
      error: null,
    })
    expect(result.pid).toBeGreaterThan(0)
    expect(result.durationMs).toBeGreaterThan(0)
    expect(result.startedAt).toBe(new Date(result.startedAt!).toISOString())
    expect(Date.parse(result.startedAt!)).toBeGreaterThanOrEqual(before)
    expect(result).not.toHaveProperty('stdoutBase64')
  })

  it('runs a line by the shell, and a program with args directly', async () => {
    expect((await run('echo $((1 + 2)) | cat')).stdout).toBe('3\n')
    expect((await run('echo', ['$((1 + 2)) | cat', '', 'a  b'])).stdout).toBe('$((1 + 2)) | cat  a  b\n')
    expect((await run({ command: 'echo', args: ['x;y'] })).stdout).toBe('x;y\n')
    expect((await run('true', [])).args).toEqual([])
  })

  it('rejects like execa, with everything in the error', async () => {
    const error = await errorOf(run('echo out; echo "what went wrong" >&2; exit 3'))
    expect(error).toBeInstanceOf(CommandError)
    expect(error).toMatchObject({ name: 'CommandError', code: 'ERR_DROVER_COMMAND' })
    expect(error.result).toMatchObject({ state: 'failed', exitCode: 3, stdout: 'out\n', stderr: 'what went wrong\n' })
    expect(error.message).toContain('echo out')
    expect(error.message).toContain('exit code 3')
    expect(error.message).toContain('what went wrong')
  })

  it('shows program and arguments, and only the end of a long stderr, in the message', async () => {
    const error = await errorOf(run('sh', ['-c', 'echo FIRST >&2; yes | head -5000 >&2; echo LAST >&2; exit 1', 'a b']))
    expect(error.message).toContain('sh -c')
    expect(error.message).toContain('"a b"')
    expect(error.message).toContain('LAST')
    expect(error.message).not.toContain('FIRST\n')
    expect(error.message.length).toBeLessThan(2_000)
    expect(error.result.stderr).toContain('FIRST\n')
  })

  it('names the signal that it died of, when nobody here had sent it', async () => {
    const error = await errorOf(run('kill -SEGV $$'))
    expect(error.result).toMatchObject({ state: 'killed', exitCode: null, signal: 'SIGSEGV', error: null })
    expect(error.message).toContain('SIGSEGV')
  })

  it('gives the result whatever its state with reject: false', async () => {
    expect(await run('exit 3', { reject: false })).toMatchObject({ state: 'failed', exitCode: 3 })
    expect(await run('no-such-program', [], { reject: false })).toMatchObject({ state: 'spawn-failed' })
    expect(await run('true', { reject: false })).toMatchObject({ state: 'succeeded' })
  })

  it('feeds standard input: text, bytes, base64, a file, nothing', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n))
    writeFileSync(join(folder, 'input'), 'from a file\n')
    expect((await run('cat', { stdin: 'é\n' })).stdout).toBe('é\n')
    expect((await run('cat', { stdin: bytes, encoding: 'buffer' })).stdout.equals(bytes)).toBe(true)
    expect((await run('cat', [], { stdin: { base64: 'aGk=' } })).stdout).toBe('hi')
    expect((await run('cat', { stdinFile: join(folder, 'input') })).stdout).toBe('from a file\n')
    expect((await run('cat')).stdout).toBe('')
    expect((await run('cat', { stdin: '' })).stdout).toBe('')
  })

  it('feeds much, and does not mind who does not read it', async () => {
    const much = Buffer.alloc(10_000_000, 'abcdefg')
    const copied = await run('cat', { stdin: much, encoding: 'buffer' })
    expect(copied.stdout.equals(much)).toBe(true)
    expect(await run('true', { stdin: much })).toMatchObject({ state: 'succeeded' })
    expect((await run('head -c 3', { stdin: much })).stdout).toBe('abc')
  })

  it('takes folder and environment', async () => {
    process.env.DROVER_TEST_RUN = 'inherited'
    const line = 'pwd; echo "$A|${DROVER_TEST_RUN-gone}"'
    try {
      expect((await run(line, { cwd: folder, env: { A: 'x y' } })).stdout).toBe(`${folder}\nx y|inherited\n`)
      expect((await run(line, { cwd: '/', env: { DROVER_TEST_RUN: null } })).stdout).toBe('/\n|gone\n')
    } finally {
      delete process.env.DROVER_TEST_RUN
    }
  })

  it('runs many at once and keeps them apart', async () => {
    const results = await Promise.all(Array.from({ length: 60 }, (_, n) => run(`echo ${n}; echo e${n} >&2`)))
    expect(results.map(({ stdout, stderr }) => stdout + stderr)).toEqual(
      Array.from({ length: 60 }, (_, n) => `${n}\ne${n}\n`),
    )
  })

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['an empty command', () => run(''), /command/],
    ['a command that is none', () => run(5 as never), /command/],
    ['an argument that is no text', () => run('echo', [5 as never]), /args\[0\]/],
    ['a NUL', () => run('echo', ['a\0b']), /NUL/],
    ['an unknown field', () => run({ command: 'a', comand: 'b' } as never), /comand/],
    ['two inputs', () => run('cat', { stdin: 'a', stdinFile: 'b' }), /not both/],
  ])('rejects %s as a mistake in the input', async (_what, call, message) => {
    const error = await errorOf(call())
    expect(error).toBeInstanceOf(InputError)
    expect(error.message).toMatch(message)
  })

  it.each<[string, Record<string, unknown>]>([
    ['timeoutMs', { timeoutMs: -1 }],
    ['timeoutMs', { timeoutMs: 2 ** 31 }],
    ['killGraceMs', { killGraceMs: Number.NaN }],
    ['pipeGraceMs', { pipeGraceMs: '250' }],
    ['maxOutputBytes', { maxOutputBytes: 1.5 }],
    ['maxOutputBytes', { maxOutputBytes: -1 }],
    ['leftovers', { leftovers: 'murder' }],
    ['encoding', { encoding: 'latin1' }],
    ['launcher', { launcher: 'rocket' }],
    ['timeout', { timeout: 100 }],
    ['signal', { signal: 'SIGTERM' }],
  ])('rejects a bad %s as a mistake in the options, and starts nothing', async (name, options) => {
    const witness = join(folder, 'started')
    const error = await errorOf(run(`touch ${witness}`, options))
    expect(error).toBeInstanceOf(OptionError)
    expect(error.message).toContain(name)
    await expect(run(`test -e ${witness}`)).rejects.toThrow(CommandError)
  })
})

describe('what cannot be started', () => {
  const failure = (command: string, args: string[], options = {}) => run(command, args, { reject: false, ...options })

  it('is a result with the code of the system: no such program', async () => {
    const result = await failure('drover-no-such-program', ['a'], { id: 'x' })
    expect(result).toMatchObject({
      state: 'spawn-failed',
      id: 'x',
      exitCode: null,
      signal: null,
      stdout: '',
      stderr: '',
      pid: null,
      command: 'drover-no-such-program',
      args: ['a'],
      error: { code: 'ENOENT' },
    })
    expect(result.error!.message).toContain('drover-no-such-program')
  })

  it('not executable', async () => {
    writeFileSync(join(folder, 'plain'), 'text')
    chmodSync(join(folder, 'plain'), 0o644)
    expect(await failure(join(folder, 'plain'), [])).toMatchObject({ state: 'spawn-failed', error: { code: 'EACCES' } })
    expect(await failure(folder, [])).toMatchObject({ state: 'spawn-failed', error: { code: 'EACCES' } })
  })

  it('no such folder', async () => {
    const cwd = join(folder, 'gone')
    const result = await failure('true', [], { cwd })
    expect(result).toMatchObject({ state: 'spawn-failed', error: { code: 'ENOENT' } })
    expect(result.error!.message).toContain(cwd)
    expect(await run('true', { cwd, reject: false })).toMatchObject({ state: 'spawn-failed' })
  })

  it('arguments too long', async () => {
    expect(await failure('true', ['x'.repeat(4_000_000)])).toMatchObject({
      state: 'spawn-failed',
      error: { code: 'E2BIG' },
    })
    expect(await run(`: ${'x'.repeat(4_000_000)}`, { reject: false })).toMatchObject({ error: { code: 'E2BIG' } })
  })

  it('no file for standard input', async () => {
    const stdinFile = join(folder, 'no input')
    const result = await run('cat', { stdinFile, reject: false })
    expect(result).toMatchObject({ state: 'spawn-failed', error: { code: 'ENOENT' } })
    expect(result.error!.message).toContain(stdinFile)
  })

  it('rejects with all that in the error', async () => {
    const error = await errorOf(run('drover-no-such-program', ['a']))
    expect(error).toBeInstanceOf(CommandError)
    expect(error.message).toContain('drover-no-such-program')
    expect(error.result.error!.code).toBe('ENOENT')
  })
})
