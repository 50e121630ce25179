import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { Drover, drover, resultsOf } from '../helpers/drover.js'
import { until } from '../helpers/until.js'
import { newPath, recordsIn, resultsIn } from '../journal/support.js'

let path: string
let folder: string

beforeEach(() => {
  path = newPath()
  folder = dirname(path)
})

/** Which tasks were run, in order, of those that say so; then forgets them. */
function ran(): string[] {
  const file = join(folder, 'ran')
  if (!existsSync(file)) return []
  const names = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  writeFileSync(file, '')
  return names
}

/** Runs tasks one after the other with the journal. `f…` fails unless there is a file `fine`. */
const run = (options: readonly string[], ...items: string[]) =>
  drover(
    [
      'run',
      '-j',
      '1',
      '--journal',
      path,
      ...options,
      'echo {} >> ran; echo out {}; case {} in f*) test -e fine;; esac',
      ':::',
      ...items,
    ],
    { cwd: folder },
  )

const states = () => resultsIn(path).map(({ state }) => state)

describe('--journal', () => {
  it('has a head that tells the call, and each result, while output is printed as ever', async () => {
    const end = await run([], 'a', 'f', 'b')
    expect(end).toMatchObject({ status: 1, stdout: 'out a\nout f\nout b\n' })
    const [head, ...results] = recordsIn(path)
    expect(head).toMatchObject({
      type: 'run',
      version: 1,
      cwd: folder,
      command: ['drover', 'run', '-j', '1', '--journal', path, expect.any(String), ':::', 'a', 'f', 'b'],
    })
    expect(results).toMatchObject([
      { type: 'result', run: head!.run, index: 0, state: 'succeeded', stdout: 'out a\n' },
      { index: 1, state: 'failed', exitCode: 1 },
      { index: 2, state: 'succeeded' },
    ])
  })

  it('has the same objects that --json prints', async () => {
    const line = "printf 'é\\377'; echo {} >&2; test {} -ge $(cat tries); echo 1 > tries"
    writeFileSync(join(folder, 'tries'), '9')
    const args = ['run', '--json', '-k', '-j', '2', '--retries', '1', '--backoff', '1ms', '--journal', path, line]
    const end = await drover([...args, ':::', '1', '2', '3'], { cwd: folder })
    const byIndex = (a: { index: number }, b: { index: number }) => a.index - b.index
    expect(resultsOf(end)).toHaveLength(3)
    expect(resultsIn(path).sort(byIndex)).toEqual(resultsOf(end))
  })

  it('has attempts too, which are not final', async () => {
    const end = await run(['--retries', '2', '--backoff', '1ms'], 'f')
    expect(end.status).toBe(1)
    expect(recordsIn(path).slice(1)).toMatchObject([
      { type: 'attempt', attempt: 1, attempts: 3, state: 'failed' },
      { type: 'attempt', attempt: 2 },
      { type: 'result', attempt: 3 },
    ])
  })

  it('keeps no more of the output than --max-output, and prints all of it', async () => {
    const end = await drover(['run', '--journal', path, '--max-output', '10', 'seq 1000; : {}', ':::', 'x'])
    expect(end.stdout.endsWith('999\n1000\n')).toBe(true)
    expect(resultsIn(path)).toMatchObject([{ truncated: true, stdoutBytes: 3893 }])
    expect(Buffer.byteLength(resultsIn(path)[0]!.stdout)).toBeLessThanOrEqual(10)
  })

  it('goes with --ungroup, and then has nothing of the output', async () => {
    const end = await run(['--ungroup'], 'a', 'f')
    expect(end).toMatchObject({ status: 1, stdout: 'out a\nout f\n' })
    expect(resultsIn(path)).toMatchObject([
      { state: 'succeeded', stdout: '' },
      { state: 'failed', stdout: '' },
    ])
    await run(['--ungroup', '--resume'], 'a', 'f', 'b')
    expect(ran()).toEqual(['a', 'f', 'b'])
  })

  it.each(['always', 'interval', 'never'])('goes with --fsync %s', async (fsync) => {
    expect((await run(['--fsync', fsync], 'a', 'b')).status).toBe(0)
    expect(states()).toEqual(['succeeded', 'succeeded'])
  })

  it('is nothing to a --dry-run without --resume', async () => {
    expect((await run(['--dry-run'], 'a')).stdout).toContain("echo 'a'")
    expect(existsSync(path)).toBe(false)
  })
})

describe('--resume', () => {
  it('runs what is new or not conclusive, says how many were done, and adds nothing for those', async () => {
    await run([], 'a', 'f', 'b')
    ran()
    const before = readFileSync(path, 'utf8')
    const end = await run(['--resume'], 'b', 'new', 'a', 'f', 'a')
    expect(ran()).toEqual(['new', 'a'])
    expect(end.stdout).toBe('out new\nout a\n')
    expect(end.stderr).toMatch(/3 tasks were done before, 1 without success; --retry-failed runs those again/)
    expect(readFileSync(path, 'utf8').startsWith(before)).toBe(true)
    expect(recordsIn(path).slice(4)).toMatchObject([{ type: 'run' }, { index: 1 }, { index: 4 }])
  })

  it('of all that is done runs nothing and succeeds', async () => {
    await run([], 'a', 'b')
    ran()
    expect(await run(['--resume', '--json'], 'a', 'b')).toMatchObject({ status: 0, stdout: '' })
    expect(ran()).toEqual([])
  })

  it('makes the journal where there is none, and says nothing with --quiet', async () => {
    expect(await run(['--resume', '--quiet'], 'a')).toMatchObject({ status: 0, stderr: '' })
    expect(await run(['--resume', '--quiet'], 'a')).toMatchObject({ status: 0, stdout: '', stderr: '' })
    expect(ran()).toEqual(['a'])
  })

  it('finishes what a halt has left', async () => {
    const end = await run(['--halt', 'soon,fail=1'], 'a', 'f', 'b', 'c')
    expect(end.status).toBe(1)
    expect(ran()).toEqual(['a', 'f'])
    expect((await run(['--resume'], 'a', 'f', 'b', 'c')).status).toBe(0)
    expect(ran()).toEqual(['b', 'c'])
  })

  it('with --dry-run shows what would be run, and changes nothing', async () => {
    await run([], 'a', 'b')
    ran()
    const before = readFileSync(path)
    const end = await run(['--resume', '--dry-run'], 'a', 'new', 'b', 'b')
    expect(end.stdout.match(/out '\w+'/g)).toEqual(["out 'new'", "out 'b'"])
    expect(ran()).toEqual([])
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  it('with -k prints what is next, and does not wait for tasks that are not run', async () => {
    await run([], 'a', 'b')
    const line = 'echo {} >> ran; case {} in wait) until test -e go; do sleep 0.05; done;; esac; echo out {}'
    const args = ['run', '-j', '2', '-k', '--journal', path, line, ':::', 'a', 'b']
    await drover(args, { cwd: folder })
    for (const mode of [[], ['--line-buffer'], ['--json']]) {
      const resumed = args.toSpliced(1, 0, '--resume', ...mode).toSpliced(-2, 2, 'a', `new${mode}`, 'b', 'wait', 'wait')
      const going = new Drover(resumed, { cwd: folder, input: '' })
      await until('it has printed what has ended', () => going.stdout.includes(`out new${mode}`))
      expect(going.stdout).not.toContain('out wait')
      writeFileSync(join(folder, 'go'), '')
      expect((await going.end).status).toBe(0)
      rmSync(join(folder, 'go'))
    }
  })

  it('knows items from a file and from stdin again, whatever their order', async () => {
    writeFileSync(join(folder, 'items'), 'a\nb\n')
    const args = ['run', '--journal', path, '--resume']
    await drover([...args, '-a', 'items', 'echo {} >> ran'], { cwd: folder })
    expect(ran().sort()).toEqual(['a', 'b'])
    await drover([...args, 'echo {} >> ran'], { cwd: folder, input: 'c\nb\na\n' })
    expect(ran()).toEqual(['c'])
  })

  it('takes a torn end and damaged lines for what they are, and says so', async () => {
    await run([], 'a', 'b')
    ran()
    const lines = readFileSync(path, 'utf8').split('\n')
    writeFileSync(path, `${lines[0]}\n${lines[1]!.slice(40)}\n${lines[2]}\n${lines[1]!.slice(0, 40)}\0\0`)
    const end = await run(['--resume'], 'a', 'b')
    expect(ran()).toEqual(['a'])
    expect(end.stderr).toMatch(/last record was torn and has been cut off \(42 bytes\)/)
    expect(end.stderr).toMatch(/1 line is no record/)
    expect((await run(['--resume'], 'a', 'b')).stderr).toMatch(/1 line is no record/)
    expect(ran()).toEqual([])
  })
})

describe('--retry-failed', () => {
  it('runs all that has not succeeded, until it has', async () => {
    await run([], 'a', 'f', 'f2')
    ran()
    expect(await run(['--retry-failed'], 'a', 'f', 'f2')).toMatchObject({ status: 2 })
    expect(ran()).toEqual(['f', 'f2'])
    writeFileSync(join(folder, 'fine'), '')
    expect(await run(['--retry-failed'], 'a', 'f', 'f2')).toMatchObject({ status: 0 })
    expect(ran()).toEqual(['f', 'f2'])
    expect(await run(['--retry-failed'], 'a', 'f', 'f2')).toMatchObject({ status: 0 })
    expect(ran()).toEqual([])
  })
})

describe('tasks with an id', () => {
  const file = () => join(folder, 'tasks.jsonl')
  const task = (id: string, word: string) => `${JSON.stringify({ id, command: `echo ${word} >> ran` })}\n`
  const runFile = (...options: string[]) =>
    drover(['run', '-j', '1', '--journal', path, ...options, '--tasks', file()], { cwd: folder })

  beforeEach(async () => {
    writeFileSync(file(), task('x', 'old') + task('y', 'same'))
    expect((await runFile()).status).toBe(0)
    expect(ran()).toEqual(['old', 'same'])
  })

  it('are known by it; one that runs something else is a mistake, of which nothing comes', async () => {
    writeFileSync(file(), task('new', 'new') + task('y', 'same') + task('x', 'other'))
    const before = readFileSync(path)
    const end = await runFile('--resume')
    expect(end.status).toBe(255)
    expect(end.stderr).toMatch(/tasks\.jsonl.*"x" runs something else in .*night\.jsonl.*--accept-changes/)
    expect(ran()).toEqual([])
    expect(readFileSync(path).equals(before)).toBe(true)
    expect((await runFile('--resume', '--accept-changes')).status).toBe(0)
    expect(ran()).toEqual(['new', 'other'])
    expect((await runFile('--resume')).status).toBe(0)
    expect(ran()).toEqual([])
  })

  it('from a stream become invalid, again and again, while the others run', async () => {
    for (const other of ['1', '2']) {
      const input = task('x', 'other') + task(other, other)
      const args = ['run', '--json', '-j', '1', '--journal', path, '--resume', '--tasks', '-']
      const end = await drover(args, { cwd: folder, input })
      expect(end.status).toBe(1)
      expect(resultsOf(end)).toMatchObject([
        { id: 'x', state: 'invalid' },
        { id: other, state: 'succeeded' },
      ])
      expect(ran()).toEqual([other])
    }
  })

  it('are run anew without --resume, whatever they run', async () => {
    writeFileSync(file(), task('x', 'other'))
    appendFileSync(file(), task('y', 'same'))
    expect((await runFile()).status).toBe(0)
    expect(ran()).toEqual(['other', 'same'])
  })
})
