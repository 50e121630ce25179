import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dispatch, OptionError, Process, type Result, run } from '../../src/index.js'
import { usesOf } from '../../src/process/process-uses.js'
import { drover, resultsOf } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { LAUNCHERS } from '../pool/support.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-limits-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const MIB = 2 ** 20
/** Takes so many MiB and keeps them for a minute. */
const hog = (mib: number) => `exec python3 -c 'import time; x = bytearray(${mib} << 20); time.sleep(60)'`

describe('the memory of a task', () => {
  it.each(LAUNCHERS)('beyond its limit ends it alone (%s launcher)', async (launcher) => {
    const neighbour = (n: number) => `python3 -c 'x = bytearray(8 << 20)'; sleep 0.3; echo ${n}`
    const tasks = [neighbour(1), hog(300), neighbour(2)]
    const results: Result[] = []
    for await (const result of dispatch(tasks, { concurrency: 3, maxMemoryBytes: 100 * MIB, launcher }))
      results.push(result)
    results.sort((a, b) => a.index - b.index)
    expect(results).toMatchObject([
      { state: 'succeeded', stdout: '1\n', error: null },
      { state: 'killed', signal: 'SIGKILL', error: { code: 'ERR_DROVER_MEMORY' } },
      { state: 'succeeded', stdout: '2\n', error: null },
    ])
    expect(results[1]!.maxRssBytes).toBeGreaterThan(100 * MIB)
    expect(results[1]!.error!.message).toMatch(/used \d{9,} bytes of memory where 104857600 are allowed/)
  })

  it('is that of all processes below it together, wherever they went', async () => {
    const each = `python3 -c 'import time; x = bytearray(60 << 20); time.sleep(60)'`
    const seconds = uniqueSleep()
    const command = `${each} & setsid ${each} & sleep ${seconds}`
    const result = await run(command, { maxMemoryBytes: 100 * MIB, reject: false })
    expect(result).toMatchObject({ state: 'killed', error: { code: 'ERR_DROVER_MEMORY' } })
    expect(processesWith(seconds)).toEqual([])
  })

  it('within its limit is told as its peak', async () => {
    const command = "python3 -c 'import time; x = bytearray(60 << 20); time.sleep(0.5)' & wait"
    const { state, maxRssBytes } = await run(command, { maxMemoryBytes: 500 * MIB })
    expect(state).toBe('succeeded')
    expect(maxRssBytes).toBeGreaterThan(60 * MIB)
  })

  it('that what it has left behind uses is its own only if that is waited for', async () => {
    const seconds = uniqueSleep()
    const command = `(${hog(300)}) & sleep ${seconds} & exit 0`
    const options = { maxMemoryBytes: 100 * MIB, pipeGraceMs: 2_000, reject: false } as const
    expect(await run(command, { ...options, leftovers: 'wait' })).toMatchObject({
      state: 'killed',
      error: { code: 'ERR_DROVER_MEMORY' },
    })
    expect(await run(command, options)).toMatchObject({
      state: 'succeeded',
      error: null,
    })
    await until('all of it has ended', () => processesWith(seconds).length === 0)
  })

  it('may be tried again, and is in the JSON of the command line', async () => {
    const words = ['run', '--json', '--max-memory', '50M', '--retries', '1', '--backoff', '1ms', hog(200), ':::', '']
    const end = await drover(words)
    expect(end.status).toBe(1)
    expect(resultsOf(end)).toMatchObject([
      { state: 'killed', attempt: 2, attempts: 2, error: { code: 'ERR_DROVER_MEMORY' } },
    ])
    expect(end.stderr).toContain('bytes of memory where 52428800 are allowed')
  })
})

describe('the processes of a task', () => {
  it('more than it may be end it', async () => {
    const seconds = uniqueSleep()
    const command = `for n in 1 2 3 4 5 6; do sleep ${seconds} & done; wait`
    expect(await run(command, { maxProcesses: 4, reject: false })).toMatchObject({
      state: 'killed',
      error: { code: 'ERR_DROVER_PROCESSES' },
    })
    expect(processesWith(seconds)).toEqual([])
    expect(await run('sleep 0.3 & sleep 0.3 & wait', { maxProcesses: 4 })).toMatchObject({ state: 'succeeded' })
  })

  it('are told apart by session, group and parent', () => {
    const one = (pid: number, parent: number, group: number, session: number) => ({
      pid,
      parent,
      group,
      session,
      bytes: pid,
    })
    const processes = [
      one(10, 1, 10, 10),
      one(11, 10, 10, 10),
      one(12, 11, 12, 12),
      one(13, 1, 13, 10),
      one(20, 1, 20, 20),
    ]
    const uses = usesOf(new Set([10, 20, 30]), [...processes, one(40, 41, 40, 40), one(41, 40, 41, 41)])
    expect(uses.get(10)).toEqual({ bytes: 46, processes: 4 })
    expect(uses.get(20)).toEqual({ bytes: 20, processes: 1 })
    expect(uses.has(30)).toBe(false)
  })
})

describe('limits that the kernel keeps', () => {
  it('of processor time', async () => {
    const result = await run('while :; do :; done', { maxCpuMs: 1_000, reject: false })
    expect(result).toMatchObject({ state: 'killed', error: { code: 'ERR_DROVER_CPU_TIME' } })
    expect(result.cpuUserMs! + result.cpuSystemMs!).toBeGreaterThan(500)
  })

  it('of the size of files', async () => {
    const file = join(folder, 'large')
    const result = await run(`exec dd if=/dev/zero of=${file} bs=1M count=10`, {
      maxFileSizeBytes: 2 * MIB,
      reject: false,
    })
    expect(result).toMatchObject({ state: 'killed', signal: 'SIGXFSZ', error: { code: 'ERR_DROVER_FILE_SIZE' } })
    expect(statSync(file).size).toBe(2 * MIB)
  })

  it('of niceness', async () => {
    const own = (await run('nice')).stdout
    expect(Number((await run('nice', { nice: 5 })).stdout)).toBe(Math.min(19, Number(own) + 5))
    const end = await drover(['run', '--nice', '3', 'nice; : {}', ':::', '1'])
    expect(Number(end.stdout)).toBe(Math.min(19, Number(own) + 3))
  })
})

describe('limits that cannot be kept', () => {
  it('are refused before anything is started', async () => {
    for (const option of ['maxCpuMs', 'maxFileSizeBytes', 'nice'] as const) {
      expect(() => dispatch([], { [option]: 1, launcher: 'node' })).toThrow(/native launcher/)
    }
    for (const value of [-1, 1.5, Number.NaN, '5' as never]) {
      expect(() => dispatch([], { maxMemoryBytes: value })).toThrow(OptionError)
    }
    expect(() => new Process('true', { nice: 20 })).toThrow('-20 to 19')
    expect(() => dispatch([], { maxMemoryBytes: 1_024 })).toThrow('no program starts with less')
  })

  it.each([
    ['--max-memory', 'lots'],
    ['--max-processes', '0'],
    ['--max-cpu-time', 'soon'],
    ['--max-file-size', '-1'],
    ['--nice', '50'],
  ])('%s %s', async (option, words) => {
    const end = await drover(['run', option, words, 'echo', ':::', '1'])
    expect(end).toMatchObject({ status: 255, stdout: '' })
    expect(end.stderr).toContain(option)
  })
})
