import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Drover, drover } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-compat-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const runner = (command: string) =>
  `${process.execPath} ${fileURLToPath(new URL('../../bin/drover.cjs', import.meta.url))} ${command}`
const php = (script: string, ...args: string[]) =>
  JSON.parse(execFileSync('php', [fileURLToPath(new URL(script, import.meta.url)), ...args], { encoding: 'utf8' }))
const jsonLines = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

describe('drover taskrunner, in place of the inner process of TaskRunner.php', () => {
  it('runs a PHP program unchanged but for a path', () => {
    expect(php('taskrunner.php', runner('taskrunner'))).toEqual({ completed: 100, sum: 4950, exit: 0 })
  })

  it('has a line for each task, whatever its label and its end', async () => {
    const tasks = [
      { id: 1, cmd: 'echo out; echo err >&2' },
      { id: 1, cmd: 'exit 3' },
      { id: ['a', { b: null }], cmd: 'kill -9 $$' },
      { id: 'ü/"', cmd: "printf '%s' é" },
    ]
    const path = file('tasks.jsonl', tasks.map((task) => `${JSON.stringify(task)}\n`).join('\n'))
    const end = await drover(['taskrunner', `tasks=${path}`, 'parallel=1'])
    expect(end).toMatchObject({ status: 0, stderr: '' })
    expect(jsonLines(end.stdout)).toEqual([
      { id: 1, status: 0, stdout: 'out\n', stderr: 'err\n' },
      { id: 1, status: 3, stdout: '', stderr: '' },
      { id: ['a', { b: null }], status: -1, stdout: '', stderr: '' },
      { id: 'ü/"', status: 0, stdout: 'é', stderr: '' },
    ])
  })

  it('goes on where the original waits for ever: more output than a pipe holds', async () => {
    const path = file(
      'much.jsonl',
      '{"id":"much","cmd":"head -c 1000000 /dev/zero | tr \'\\\\0\' x; head -c 100000 /dev/zero | tr \'\\\\0\' y >&2"}\n',
    )
    const [result] = jsonLines((await drover(['taskrunner', `tasks=${path}`])).stdout)
    expect(result).toMatchObject({ id: 'much', status: 0 })
    expect([result.stdout.length, result.stderr.length]).toEqual([1_000_000, 100_000])
  })

  it.each([
    ['no tasks', () => ['parallel=2'], 'Usage: drover taskrunner tasks=xxx.jsonl [parallel=n]'],
    [
      'a file that is not there',
      () => ['tasks=/no/such'],
      "Error: can't open '/no/such': No such file or not readable",
    ],
    [
      'a number that is none',
      () => [`tasks=${file('ok.jsonl', '')}`, 'parallel=many'],
      "Error: 'parallel' value must be an integer >= 1",
    ],
  ])('%s is one line of JSON, and status 1', async (_what, words, error) => {
    const end = await drover(['taskrunner', ...words()])
    expect(end.status).toBe(1)
    expect(end.stdout).toBe(`${JSON.stringify({ error })}\n`)
  })

  it('starts nothing when a line is bad', async () => {
    const mark = join(folder, 'started')
    const path = file('bad.jsonl', `{"id":1,"cmd":"touch ${mark}"}\n{"id":2}\n`)
    const end = await drover(['taskrunner', `tasks=${path}`])
    expect(end.status).toBe(1)
    expect(JSON.parse(end.stdout).error).toContain('line 2')
    expect(() => readFileSync(mark)).toThrow(/ENOENT/)
  })

  it('leaves nothing behind when it is ended', async () => {
    const seconds = uniqueSleep()
    const path = file('long.jsonl', `{"id":1,"cmd":"sleep ${seconds}"}\n`)
    const running = new Drover(['taskrunner', `tasks=${path}`])
    await until('it runs', () => processesWith(seconds).length > 0)
    running.process.kill('SIGTERM')
    expect((await running.end).signal).toBe('SIGTERM')
    expect(processesWith(seconds)).toEqual([])
  })
})

describe('drover workerpool, in place of go-workerpool', () => {
  it('runs a PHP program unchanged but for a path', () => {
    const codes = Array.from({ length: 20 }, (_, n) => n % 3)
    expect(php('workerpool.php', runner('workerpool'), folder)).toEqual({ status: 0, lines: 1, codes })
  })

  it('tells of all tasks, in the order in which they end, on one line; also of those that cannot start', async () => {
    const tasks = [
      { identifier: 'slow', command: 'sh', args: ['-c', 'sleep 0.5; echo slow'] },
      { identifier: 'missing', command: 'no-such-program' },
      { identifier: { any: 1 }, command: 'sh', args: ['-c', 'kill -15 $$'] },
    ]
    const end = await drover(['workerpool'], { input: JSON.stringify(tasks) })
    expect(end).toMatchObject({ status: 0, stderr: '' })
    const results = JSON.parse(end.stdout)
    expect(end.stdout.trimEnd()).not.toContain('\n')
    expect(results).toHaveLength(3)
    expect(results.at(-1)).toEqual({ identifier: 'slow', exit_code: 0, result_body: 'slow\n' })
    expect(results).toContainEqual({ identifier: 'missing', exit_code: -1, result_body: '' })
    expect(results).toContainEqual({ identifier: { any: 1 }, exit_code: -1, result_body: '' })
  })

  it('prints nothing for no tasks; says more with --verbose, the results last; writes to a file', async () => {
    expect(await drover(['workerpool'], { input: '[]' })).toMatchObject({ status: 0, stdout: '', stderr: '' })
    const input = '[{"identifier":1,"command":"echo","args":["hi"]}]'
    const told = (await drover(['workerpool', '-v', '-t', '1'], { input })).stdout.trimEnd().split('\n')
    expect(told.length).toBeGreaterThan(1)
    expect(JSON.parse(told.at(-1)!)).toEqual([{ identifier: 1, exit_code: 0, result_body: 'hi\n' }])
    const out = join(folder, 'out.json')
    expect(await drover(['workerpool', '-o', out], { input })).toMatchObject({ status: 0, stdout: '' })
    expect(JSON.parse(readFileSync(out, 'utf8'))).toHaveLength(1)
    expect((await drover(['workerpool', '-V'])).stdout).toMatch(/^\d+\.\d+/)
  })

  it('takes the tasks as an argument, unless a file is named', async () => {
    const one = '[{"identifier":"a","command":"echo","args":["hi"]}]'
    expect(JSON.parse((await drover(['workerpool', '-t', '4', one])).stdout)).toEqual([
      { identifier: 'a', exit_code: 0, result_body: 'hi\n' },
    ])
    const infile = file('named.json', one.replace('"a"', '"b"'))
    expect((await drover(['workerpool', one, '-i', infile])).stdout).toContain('"identifier":"b"')
    expect((await drover(['workerpool', '{'])).stderr).toContain('TASKS: this is no JSON')
  })

  it.each([
    ['[{"identifier":1}]', 'command'],
    ['{"a":1}', 'Array'],
    ['[', 'no JSON'],
  ])('refuses %s, and starts nothing', async (input, reason) => {
    const end = await drover(['workerpool'], { input })
    expect(end).toMatchObject({ status: 255, stdout: '' })
    expect(end.stderr).toContain(reason)
  })
})
