import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { drover, PROGRAM, resultsOf } from '../helpers/drover.js'

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'drover-results-'))
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const read = (file: string) => readFileSync(join(cwd, file), 'utf8')

describe('drover run --results', () => {
  it('writes what each task prints to files named after it, and prints none', async () => {
    const tasks = [
      { id: 'a/b', command: 'echo out; echo err >&2' },
      { command: 'seq 3' },
      { id: 'gone', command: 'no-such-program', args: [] },
    ]
    writeFileSync(join(cwd, 'tasks.json'), JSON.stringify(tasks))
    const end = await drover(['run', '--tasks', 'tasks.json', '--results', 'out'], { cwd })
    expect(end).toMatchObject({ status: 1, stdout: '' })
    expect(end.stderr).toContain('there is no program no-such-program')
    expect(readdirSync(join(cwd, 'out')).filter((name) => name.startsWith('a'))).toEqual([
      'a%2fb.stderr',
      'a%2fb.stdout',
    ])
    expect(read('out/a%2fb.stdout')).toBe('out\n')
    expect(read('out/a%2fb.stderr')).toBe('err\n')
    expect(read('out/2.stdout')).toBe('1\n2\n3\n')
    expect(statSync(join(cwd, 'out/2.stdout')).mode & 0o777).toBe(0o600)
  })

  it('has an index of results, with true sizes and the names of the files', async () => {
    await drover(['run', '-k', '--results', 'out', 'head -c {} /dev/zero; :', ':::', '0', '70000'], { cwd })
    const records = read('out/index.jsonl')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(records.map(({ type }) => type)).toEqual(['run', 'result', 'result'])
    expect(records.slice(1).sort((a, b) => a.index - b.index)).toMatchObject([
      { index: 0, state: 'succeeded', stdout: '', stdoutFile: 'out/1.stdout', stdoutBytes: 0, truncated: false },
      { index: 1, stdoutFile: 'out/2.stdout', stderrFile: 'out/2.stderr', stdoutBytes: 70_000, truncated: true },
    ])
    expect(statSync(join(cwd, 'out/2.stdout')).size).toBe(70_000)
  })

  it('tells the same in the journal and with --json, and keeps the last attempt', async () => {
    const line = ': {}; echo try >>tries; wc -l <tries; test $(wc -l <tries) -eq 2'
    const args = [
      'run',
      '--results',
      'out',
      '--journal',
      'j.jsonl',
      '--json',
      '--retries',
      '3',
      '--backoff',
      '1ms',
      line,
    ]
    const end = await drover([...args, ':::', 'x'], { cwd })
    const [result] = resultsOf(end)
    expect(result).toMatchObject({ state: 'succeeded', attempt: 2, stdoutFile: 'out/1.stdout' })
    const last = (file: string) => JSON.parse(read(file).trimEnd().split('\n').at(-1)!)
    expect(last('j.jsonl')).toEqual(result)
    expect(last('out/index.jsonl')).toEqual(result)
    expect(read('out/1.stdout')).toBe('2\n')
  })

  it('refuses options for what is printed, and a directory that cannot be made; nothing is started', async () => {
    for (const option of ['--tag', '--line-buffer', '--ungroup']) {
      const end = await drover(['run', '--results', 'out', option, 'touch', ':::', 'started'], { cwd })
      expect(end.status).toBe(255)
      expect(end.stderr).toContain(option)
    }
    writeFileSync(join(cwd, 'file'), '')
    const end = await drover(['run', '--results', 'file/out', 'touch', ':::', 'started'], { cwd })
    expect(end).toMatchObject({ status: 255 })
    expect(end.stderr).toContain('file/out cannot be made: not a directory')
    expect(existsSync(join(cwd, 'started')) || existsSync(join(cwd, 'out'))).toBe(false)
  })

  it('writes no journal where its output goes, and leaves no lock beside a file that is none', async () => {
    const line = `'${process.execPath}' '${PROGRAM}' run --json --journal j.jsonl echo ::: 1`
    for (const stream of ['>', '2>']) {
      const end = spawnSync('/bin/sh', ['-c', `${line} ${stream}>j.jsonl`], { cwd, encoding: 'utf8' })
      expect(end.status).toBe(255)
      expect(end.stderr + read('j.jsonl')).toContain('j.jsonl is where standard')
      rmSync(join(cwd, 'j.jsonl'))
    }
    writeFileSync(join(cwd, 'tasks.jsonl'), '{"command":"echo 1"}\n')
    expect((await drover(['run', '--tasks', 'tasks.jsonl', '--journal', 'tasks.jsonl'], { cwd })).status).toBe(255)
    expect(readdirSync(cwd)).toEqual(['tasks.jsonl'])
  })

  it('makes nothing with --dry-run', async () => {
    const end = await drover(['run', '--dry-run', '--results', 'out', '--journal', 'j', 'echo', '{}', ':::', '1'], {
      cwd,
    })
    expect(end).toMatchObject({ status: 0, stdout: 'echo 1\n' })
    expect(readdirSync(cwd)).toEqual([])
  })
})
