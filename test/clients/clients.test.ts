import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { PROGRAM } from '../helpers/drover.js'
import { childrenOf, processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { LANGUAGES, type Language, programFile } from './support.js'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-clients-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Played {
  readonly process: ChildProcess
  /** What it has printed so far. */
  printed(): string
  readonly end: Promise<{ status: number | null; stdout: string; stderr: string }>
}

function start({ program, extension }: Language, scenario: string, env: Record<string, string> = {}): Played {
  const child = spawn(program, [programFile(`client.${extension}`), scenario], {
    env: { ...process.env, PYTHONUNBUFFERED: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  const end = once(child, 'close').then(([status]) => ({
    status: status as number | null,
    stdout: Buffer.concat(out).toString(),
    stderr: Buffer.concat(err).toString(),
  }))
  return { process: child, printed: () => Buffer.concat(out).toString(), end }
}

async function play(language: Language, scenario: string, env?: Record<string, string>): Promise<unknown> {
  const { status, stdout, stderr } = await start(language, scenario, env).end
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return JSON.parse(stdout)
}

describe.each(LANGUAGES)('a program in $name', (language) => {
  it('streams 2,000 tasks and gets the result of each', { timeout: 120_000 }, async () => {
    expect(await play(language, 'many')).toEqual([2000, 2000])
  })

  it('gets results in order', async () => {
    expect(await play(language, 'ordered')).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ])
  })

  it('sends 5 MB, and gets 5 MB on both streams', async () => {
    expect(await play(language, 'big')).toEqual([
      [true, true],
      [true, true],
      [true, true],
    ])
  })

  it('gets results of tasks that fail, and of bad ones', async () => {
    expect(await play(language, 'failing')).toEqual([
      ['well', 'succeeded', 0, null, ''],
      ['fails', 'failed', 3, null, 'why\n'],
      ['killed', 'killed', null, 'SIGKILL', ''],
      ['nowhere', 'spawn-failed', null, null, ''],
      ['slow', 'timed-out', null, 'SIGTERM', ''],
      ['bad', 'invalid', null, null, ''],
      [null, 'invalid', null, null, ''],
    ])
  })

  it('gives and gets any bytes', async () => {
    expect(await play(language, 'bytes')).toEqual([
      ['61ff62', ''],
      ['fe', 'ff'],
      ['00ff', ''],
      ['fd', ''],
      ['c3bc', ''],
    ])
  })

  it('gets an exception for every mistake, with what drover said', async () => {
    const refused = 'drover: --jobs: expected a number, or one like 50%, +2 or -1, not "zz"'
    expect(await play(language, 'mistakes')).toMatchObject({
      jobs: { kind: 'call', message: expect.stringContaining(refused), status: 255, stderr: `${refused}\n` },
      program: {
        kind: 'drover',
        message: expect.stringContaining('there is no program /nowhere/drover'),
        status: null,
      },
      broken: { kind: 'drover', message: 'drover ended with exit status 102: on fire', status: 102 },
      killed: { kind: 'drover', message: expect.stringContaining('was ended by'), signal: 'SIGKILL', status: null },
      babbling: { kind: 'drover', message: expect.stringMatching(/what is no result: .*hello/) },
      stranger: { kind: 'drover', message: expect.stringMatching(/gave 0 results for 1 tasks; is .*true drover/) },
      option: { kind: 'other', message: expect.stringContaining('job') },
      type: { kind: 'other', message: expect.stringMatching(/^keep_?[oO]rder must be/) },
      task: { kind: 'other', message: expect.stringContaining('a task is') },
      json: { kind: 'other', message: expect.stringContaining('JSON') },
      raising: { kind: 'other', message: 'no more tasks' },
    })
  })

  it('finds drover by a variable', async () => {
    const file = join(folder, 'my-drover')
    writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`)
    chmodSync(file, 0o700)
    expect(await play(language, 'variable', { DROVER: file })).toEqual(['found\n'])
  })

  it('chooses directory and environment, and hears what drover says', async () => {
    expect(await play(language, 'place')).toEqual([['/\nred\n'], expect.stringMatching(/^drover: task 1 starts: pwd/)])
  })

  it('makes tasks from results', async () => {
    expect(await play(language, 'feedback')).toEqual([1, 2, 4, 8, 16])
  })

  it('is told no more of tasks when drover halts', async () => {
    expect(await play(language, 'halted')).toBe(true)
  })

  it('may have no task at all', async () => {
    expect(await play(language, 'nothing')).toEqual([[], 'x\n'])
  })

  it('ends drover and all that it runs when it breaks off', async () => {
    const word = uniqueSleep()
    expect(await play(language, 'early', { WORD: word })).toBe(0)
    expect(processesWith(word)).toEqual([])
  })

  it('ends them when it exits meanwhile', async () => {
    const word = uniqueSleep()
    expect((await start(language, 'leaves', { WORD: word }).end).status).toBe(7)
    await until('nothing is left', () => processesWith(word).length === 0)
  })

  it('gets an exception when drover is killed', async () => {
    const word = uniqueSleep()
    const { process: child, printed, end } = start(language, 'waits', { WORD: word })
    await until('a task runs, and another is done', () => processesWith(word).length > 0 && printed() === 'first\n')
    const drover = childrenOf(child.pid!)
    expect(drover).toHaveLength(1)
    process.kill(drover[0]!, 'SIGKILL')
    const { status, stdout, stderr } = await end
    expect(status).not.toBe(0)
    expect(stdout + stderr).toMatch(/drover was ended by (SIGKILL|signal 9)/)
    await until('nothing is left', () => processesWith(word).length === 0)
  })
})

it('a program in PHP ends drover and all that it runs when it has a fatal error', async () => {
  const word = uniqueSleep()
  const { status, stdout, stderr } = await start(LANGUAGES[0]!, 'fails', { WORD: word }).end
  expect(status).toBe(255)
  expect(stdout + stderr).toContain('Allowed memory size')
  await until('nothing is left', () => processesWith(word).length === 0)
})
