import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Drover, drover, resultsOf } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'

const MODULE = fileURLToPath(new URL('./programs/pool-module.mjs', import.meta.url))
/** Answers lines as they come, and adds a `!`. */
const SHOUT = ['sed', '-u', 's/$/!/']
const lines = (count: number) => Array.from({ length: count }, (_, n) => `${n + 1}\n`).join('')

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-pool-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string, content: string | Buffer) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const withLength = (message: string | Buffer) => {
  const bytes = Buffer.from(message)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

describe('drover pool with lines', () => {
  it('answers each line with a line, in any order', async () => {
    const end = await drover(['pool', '-j', '3', ...SHOUT], { input: lines(500) })
    expect(end).toMatchObject({ status: 0, stderr: '' })
    const numbers = end.stdout.match(/^\d+(?=!$)/gm)!.map(Number)
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, n) => n + 1))
  })

  it.each([['1'], ['16']])('in the order of the messages, with -k and --pipeline %s', async (pipeline) => {
    const args = ['pool', '-k', '-j', '3', '--pipeline', pipeline, ...SHOUT]
    const end = await drover(args, { input: lines(2_000) })
    expect(end).toMatchObject({ status: 0, stderr: '' })
    expect(end.stdout).toBe(lines(2_000).replaceAll('\n', '!\n'))
  })

  it('answers while more is to come', async () => {
    const run = new Drover(['pool', ...SHOUT])
    run.process.stdin.write('one\n')
    await until('it has answered', () => run.stdout === 'one!\n')
    run.process.stdin.end('two')
    expect(await run.end).toMatchObject({ status: 0, stdout: 'one!\ntwo!\n' })
  })

  it('passes bytes through as they are', async () => {
    const bytes = Buffer.from('caf\xe9 \x01\n', 'latin1')
    const run = new Drover(['pool', 'cat'], { input: bytes })
    await run.end
    expect(run.bytes.equals(bytes)).toBe(true)
  })

  it('reads files, NUL-ended messages, and a line for the shell', async () => {
    const paths = [file('a', 'one\ntwo\n'), file('b', 'three\n')]
    const words = paths.flatMap((path) => ['-a', path])
    expect(await drover(['pool', '-k', ...words, 'cat'])).toMatchObject({ status: 0, stdout: 'one\ntwo\nthree\n' })
    const nul = await drover(['pool', '-k', '-0', "sed -u 's/$/;/'"], { input: 'x\0y\0' })
    expect(nul).toMatchObject({ status: 0, stdout: 'x;\ny;\n' })
  })

  it('puts the message in front with --tag', async () => {
    const end = await drover(['pool', '-k', '--tag', ...SHOUT], { input: 'a\nb\n' })
    expect(end.stdout).toBe('a\ta!\nb\tb!\n')
  })

  it('starts no more workers than it may, and leaves none', async () => {
    const word = `w${uniqueSleep()}`
    const run = new Drover(['pool', '-j', '2', 'sh', '-c', 'while read -r x; do echo $x $$; done', word])
    run.process.stdin.write(lines(100))
    await until('all are answered', () => run.stdout.split('\n').length === 101)
    expect(processesWith(word)).toHaveLength(2)
    run.process.stdin.end()
    expect(await run.end).toMatchObject({ status: 0 })
    expect(processesWith(word)).toEqual([])
    expect(new Set(run.stdout.match(/\d+$/gm)).size).toBe(2)
  })

  it('tells of a message whose worker dies, and goes on', async () => {
    const worker = 'while read -r x; do if [ "$x" = 2 ]; then echo trouble >&2; exit 3; fi; echo $x; done'
    const end = await drover(['pool', '-k', '-j', '1', worker], { input: lines(3) })
    expect(end).toMatchObject({ status: 1, stdout: '1\n\n3\n' })
    expect(end.stderr).toContain('drover: message 2: exit code 3')
    expect(end.stderr).toContain('trouble')
    expect(end.stderr).toContain('drover: 3 messages: 2 succeeded, 1 failed')
  })

  it('stops when workers cannot be started', async () => {
    const end = await drover(['pool', '--json', '-j', '2', '/nonexistent/worker', '-x'], { input: lines(10_000) })
    expect(end.status).toBe(2)
    const results = resultsOf(end)
    expect(results).toHaveLength(2)
    expect(results[0]).toMatchObject({ state: 'lost', error: { code: 'ERR_DROVER_WORKER_START' } })
    expect(end.stderr).toContain('could not be started: there is no program /nonexistent/worker')
  })
})

describe('drover pool with a module', () => {
  const pool = (...args: string[]) => ['pool', '--jsonl', '--module', MODULE, ...args]

  it('answers JSON with JSON, and prints apart from it what handlers print', async () => {
    const end = await drover(pool('-k', '-j', '2'), { input: '1\n"text"\n\n{"a":[null,true]}\n2\n' })
    expect(end).toMatchObject({ status: 0, stdout: '{"twice":2}\n"text"\n{"a":[null,true]}\n{"twice":4}\n' })
    const printed = end.stderr.split('\n')
    expect(printed).toEqual(expect.arrayContaining(['set up', 'handling 1', 'handling 2', 'torn down']))
  })

  it('gives results with --json', async () => {
    const input = '1\n"throw"\n"exit"\n"die"\nbad\n5\n'
    const end = await drover(pool('-k', '-j', '1', '--json'), { input })
    expect(end.status).toBe(4)
    expect(resultsOf(end)).toMatchObject([
      { index: 0, state: 'succeeded', value: { twice: 2 }, stdout: 'handling 1\n', exitCode: null, error: null },
      { index: 1, state: 'failed', error: { code: 'ERR_DROVER_HANDLER' } },
      { index: 2, state: 'failed', exitCode: 7, error: { code: 'ERR_DROVER_WORKER_DIED' } },
      { index: 3, state: 'killed', signal: 'SIGKILL' },
      { index: 4, state: 'invalid', error: { code: 'ERR_DROVER_INPUT' } },
      { index: 5, state: 'succeeded', value: { twice: 10 } },
    ])
    expect(resultsOf(end)[1]).not.toHaveProperty('value')
    expect(end.stderr).toContain("message 2: failed: the worker's handler failed: RangeError: as it was told")
  })

  it('ends a worker that takes too long, and tries again when asked to', async () => {
    const words = pool('--json', '--timeout', '300ms', '--kill-grace', '100ms', '--retries', '1', '--backoff', '1ms')
    const end = await drover(words, { input: '"hang"\n1\n' })
    const byIndex = resultsOf(end).sort((a, b) => a.index - b.index)
    expect(byIndex).toMatchObject([{ state: 'timed-out', attempt: 2 }, { state: 'succeeded' }])
    expect(end.status).toBe(1)
  })

  it('replaces workers when told to', async () => {
    const end = await drover(pool('--json', '--max-requests', '1', '-j', '1'), { input: '1\n2\n3\n' })
    expect(new Set(resultsOf(end).map(({ pid }) => pid)).size).toBe(3)
  })

  it('sends only what has no result in the journal with --resume', async () => {
    const journal = join(folder, 'night.jsonl')
    const first = await drover(pool('--journal', journal, '--halt', 'now,fail=1', '-j', '1'), {
      input: '1\n2\n"throw"\n3\n',
    })
    expect(first.status).toBe(1)
    const second = await drover(pool('-k', '--journal', journal, '--resume', '-j', '1'), {
      input: '9\n1\n2\n"throw"\n3\n',
    })
    expect(second).toMatchObject({ status: 0, stdout: '{"twice":18}\n{"twice":6}\n' })
    const values = readFileSync(journal, 'utf8').match(/"value":\{"twice":\d+\}/g)
    expect(values).toHaveLength(4)
    const shown = await drover(['results', journal, '--json'])
    expect(resultsOf(shown).map(({ value }) => value)).toContainEqual({ twice: 18 })
  })
})

describe('drover pool with lengths', () => {
  it('carries any bytes, and marks what has no answer', async () => {
    const messages = [Buffer.from('a\nb'), Buffer.alloc(0), Buffer.from([0, 255, 10]), Buffer.from('throw')]
    const run = new Drover(['pool', '-k', '--lengths', '--module', MODULE], {
      input: Buffer.concat(messages.map(withLength)),
    })
    expect((await run.end).status).toBe(1)
    const expected = [...messages.slice(0, 3).map(withLength), Buffer.from('ffffffff', 'hex')]
    expect(run.bytes.toString('hex')).toBe(Buffer.concat(expected).toString('hex'))
  })

  it('says where the input ends too early', async () => {
    const input = Buffer.concat([withLength('whole'), withLength('torn').subarray(0, 6)])
    const end = await drover(['pool', '--lengths', 'cat'], { input })
    expect(end.status).toBe(1)
    expect(end.stderr).toContain('stdin, message 2: the input ends in the middle of it')
    const path = file('torn', input)
    const checked = await drover(['pool', '--lengths', '-a', path, 'cat'])
    expect(checked).toMatchObject({ status: 255, stdout: '' })
  })
})

describe('drover pool and mistakes', () => {
  const mistakes: [string, string[], string][] = [
    ['no worker', [], 'say what the workers are'],
    ['a module and a command', ['--module', MODULE, 'cat'], '--module'],
    ['a module that is not there', ['--module', '/nonexistent.mjs'], 'there is no file /nonexistent.mjs'],
    ['a module with another protocol', ['--module', MODULE, '--protocol', 'lines'], '--protocol'],
    ['an unknown protocol', ['--protocol', 'grpc', 'cat'], 'not "grpc"'],
    ['two forms', ['--jsonl', '--lengths', 'cat'], '--jsonl and --lengths'],
    ['two delimiters', ['--jsonl', '-0', 'cat'], '-0'],
    ['jobs without a limit', ['-j', '0', 'cat'], '--jobs'],
    ['more kept than allowed', ['--min', '3', '-j', '2', 'cat'], 'min: expected at most max'],
    ['an empty number', ['--min', '', 'cat'], '--min: expected'],
    ['pipelining where there is none', ['--protocol', 'process-pool', '--pipeline', '2', 'cat'], 'pipeline'],
    ['resume without a journal', ['--resume', 'cat'], '--journal'],
    ['a tag in JSON', ['--tag', '--json', 'cat'], '--tag'],
    ['a tag before lengths', ['--tag', '--lengths', 'cat'], '--tag'],
    ['an option that is not there', ['--frobnicate', 'cat'], '--frobnicate'],
  ]
  it.each(mistakes)('refuses %s', async (_what, args, words) => {
    const end = await drover(['pool', ...args], { input: 'x\n' })
    expect(end).toMatchObject({ status: 255, stdout: '' })
    expect(end.stderr).toContain(words)
  })

  it('does nothing with no messages', async () => {
    expect(await drover(['pool', 'cat'])).toMatchObject({ status: 0, stdout: '', stderr: '' })
  })
})

describe('drover pool and signals', () => {
  const worker = ['sh', '-c', "trap '' TERM; while read -r x; do sleep 0.01; sleep $0; done"]

  it.each(['SIGINT', 'SIGTERM'] as const)('%s ends the workers and what they started', async (signal) => {
    const seconds = uniqueSleep()
    const run = new Drover(['pool', '--json', '-j', '2', '--kill-grace', '200ms', ...worker, seconds], {
      input: lines(5),
    })
    await until('they sleep', () => processesWith(`sleep ${seconds}`).length === 2)
    run.process.kill(signal)
    const end = await run.end
    expect(end.signal).toBe(signal)
    expect(resultsOf(end).every(({ state }) => state === 'cancelled')).toBe(true)
    expect(processesWith(seconds)).toEqual([])
  })

  it('SIGKILL leaves nothing either', async () => {
    const seconds = uniqueSleep()
    const run = new Drover(['pool', '-j', '2', ...worker, seconds], { input: lines(5) })
    await until('they sleep', () => processesWith(`sleep ${seconds}`).length === 2)
    run.process.kill('SIGKILL')
    await run.exit
    await until('all is gone', () => processesWith(seconds).length === 0)
  })

  it('SIGHUP lets what was sent be answered', async () => {
    const run = new Drover(['pool', '-k', '-j', '1', 'while read -r x; do echo $x; sleep 0.05; done'])
    run.process.stdin.write(lines(500))
    await until('it answers', () => run.stdout.length > 0)
    run.process.kill('SIGHUP')
    const end = await run.end
    expect(end.signal).toBe('SIGHUP')
    expect(lines(500).startsWith(end.stdout)).toBe(true)
    expect(end.stdout.length).toBeLessThan(lines(500).length)
  })

  it('SIGUSR1 and SIGUSR2 change how many workers there are', async () => {
    const word = `w${uniqueSleep()}`
    const run = new Drover(['pool', '-j', '1', 'sh', '-c', 'while read -r x; do sleep 0.02; echo $x; done', word])
    run.process.stdin.write(lines(400))
    const workers = () => processesWith(word).length
    await until('it works', () => run.stdout.length > 0)
    expect(workers()).toBe(1)
    run.process.kill('SIGUSR1')
    run.process.kill('SIGUSR1')
    await until('there are two or three, as signals may fall together', () => workers() >= 2)
    run.process.kill('SIGUSR2')
    await until('it says so', () => run.stderr.split('\n').length >= 3)
    run.process.stdin.end()
    expect(await run.end).toMatchObject({ status: 0 })
    expect(run.stdout.split('\n')).toHaveLength(401)
  })

  it('dies of SIGPIPE when nobody reads the answers', async () => {
    const run = new Drover(['pool', 'cat'])
    run.process.stdout.destroy()
    run.process.stdin.write(lines(1_000))
    expect(await run.exit).toEqual([null, 'SIGPIPE'])
  })
})
