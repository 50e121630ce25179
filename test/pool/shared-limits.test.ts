import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  forEach,
  OptionError,
  type PoolOptions,
  type ProcessPool,
  readSlots,
  setSlots,
  WorkerError,
} from '../../src/index.js'
import { drover } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { runProgram } from '../helpers/program.js'
import { until } from '../helpers/until.js'
import { Leaves } from '../slots/leaves.js'
import { poolOf, settled } from './support.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-pool-slots-'))
  chmodSync(folder, 0o700)
  vi.stubEnv('XDG_RUNTIME_DIR', folder)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

/** Runs each line that it gets, and answers when it is done. */
const RUNNER = 'while read -r line; do sh -c "$line" >/dev/null; echo "$line"; done'
const runner = (options: PoolOptions): ProcessPool => poolOf('sh', ['-c', RUNNER], { protocol: 'lines', ...options })
const MIB = 2 ** 20

describe('named slots', () => {
  it('limit the workers of all pools and runs together, that have something to do', async () => {
    await setSlots('pools', 2)
    const leaves = new Leaves(folder)
    const command = leaves.command(0.05)
    const pools = [runner({ max: 3, slots: 'pools' }), runner({ max: 3, slots: 'pools', pipeline: 4 })]
    const answers = pools.flatMap((pool) => Array.from({ length: 20 }, () => settled(pool.request(command))))
    const run = drover(['run', '-j', '3', '--slots', 'pools', `${command}; : {}`, ':::', ...'abcdefghij'], {
      env: { XDG_RUNTIME_DIR: folder },
    })
    expect((await Promise.all(answers)).every(({ value }) => value === command)).toBe(true)
    expect((await run).status).toBe(0)
    expect(leaves.overlap()).toMatchObject({ count: 50, most: 2 })
    // Workers that wait hold none.
    expect(pools.reduce((sum, pool) => sum + pool.stats().spare, 0)).toBeGreaterThan(0)
    await until('all slots are free', async () => (await readSlots())[0]!.holders.length === 0)
  })

  it('are held by who was destroyed until nothing is left of its workers', async () => {
    await setSlots('one', 1)
    const seconds = uniqueSleep()
    const first = runner({ max: 1, slots: 'one', killGraceMs: 300 })
    const lost = first.request(`trap '' TERM; sleep ${seconds}; sleep ${seconds}`).catch((error: Error) => error)
    await until('it runs', () => processesWith(seconds).length > 0)
    const second = runner({ max: 1, slots: 'one' })
    let leftWhenAnswered = -1
    const answer = second.request('true').then(() => {
      leftWhenAnswered = processesWith(seconds).length
    })
    await first.destroy()
    await settled(answer)
    expect(leftWhenAnswered).toBe(0)
    expect(await lost).toMatchObject({ code: 'ERR_DROVER_CLOSED' })
  })

  it('of a leased worker are given back when it is released', async () => {
    await setSlots('leased', 1)
    const pool = runner({ max: 2, slots: 'leased' })
    const lease = await pool.acquire()
    await lease.sendRequest('true')
    let isDone = false
    const other = pool.request('true').then(() => {
      isDone = true
    })
    await lease.sendRequest('sleep 0.2')
    expect(isDone).toBe(false)
    lease.release()
    await settled(other)
  })
})

describe('a jobserver', () => {
  it('is told to workers, which share the number of the pool', async () => {
    const pool = poolOf('sh', ['-c', 'while read -r line; do echo "$MAKEFLAGS"; done'], {
      protocol: 'lines',
      max: 3,
      jobserver: 'server',
    })
    expect((await settled(pool.request('x'))).value).toMatch(/-j3 --jobserver-auth=\d+,\d+/)
  })

  it('gives a pool below make what it has, and gets it back', async () => {
    const leaves = new Leaves(folder)
    const lines = Array.from({ length: 12 }, () => leaves.command(0.05)).join('\n')
    const end = await drover(
      [
        'run',
        '-j',
        '2',
        `printf '%s\\n' '${lines.replaceAll("'", `'\\''`)}' | "$DROVER" pool -j 4 --quiet sh -c '${RUNNER}'; : {}`,
        ':::',
        'a',
        'b',
      ],
      { env: { DROVER: new URL('../../bin/drover.cjs', import.meta.url).pathname } },
    )
    expect(end.stderr).toBe('')
    expect(end.status).toBe(0)
    const { count, most } = leaves.overlap()
    expect(count).toBe(24)
    expect(most).toBeLessThanOrEqual(2)
  })
})

describe('admission', () => {
  it('has requests wait, and says so', async () => {
    const pool = runner({ max: 1, minFreeBytes: 2 ** 60 })
    const warnings: string[] = []
    pool.on('warning', (message) => warnings.push(message))
    const answer = pool.request('true').catch((error: Error) => error)
    await until('it is told', () => warnings.length > 0, 20_000)
    expect(warnings[0]).toMatch(/nothing is started/)
    expect(pool.stats()).toMatchObject({ running: 0, queued: 1 })
    await pool.destroy()
    expect(await settled(answer)).toMatchObject({ code: 'ERR_DROVER_CLOSED' })
  })

  it('lets requests through when there is room', async () => {
    const pool = runner({ max: 1, minFreeBytes: 1, maxLoad: 1_000 })
    expect(await settled(pool.request('true'))).toMatchObject({ value: 'true' })
  })
})

describe('limits on each worker', () => {
  it('of memory, wherever it is used', async () => {
    const pool = runner({ max: 1, maxMemoryBytes: 100 * MIB })
    expect(await settled(pool.request('true'))).toMatchObject({ value: 'true' })
    const hog = "python3 -c 'import time; x = bytearray(300 << 20); time.sleep(60)'"
    const error = await settled(pool.request(hog).catch((failed: Error) => failed))
    expect(error).toBeInstanceOf(WorkerError)
    expect(error).toMatchObject({ code: 'ERR_DROVER_WORKER_MEMORY', message: expect.stringContaining('104857600') })
    expect(await settled(pool.request('true'))).toMatchObject({ value: 'true' })
  })

  it('of processes, and of niceness', async () => {
    const seconds = uniqueSleep()
    const pool = runner({ max: 1, maxProcesses: 5, nice: 4 })
    const crowd = `for n in 1 2 3 4 5 6; do sleep ${seconds} & done; wait`
    expect(await settled(pool.request(crowd).catch((error: Error) => error))).toMatchObject({
      code: 'ERR_DROVER_WORKER_PROCESSES',
    })
    await until('they are gone', () => processesWith(seconds).length === 0)
    expect(await settled(pool.request(`[ "$(nice)" -ge 4 ] || exit 1; echo`))).toMatchObject({
      pid: expect.any(Number),
    })
  })

  it('of processor time tell why it ended', async () => {
    const pool = poolOf('sh', ['-c', 'read -r line; while :; do :; done'], {
      protocol: 'lines',
      max: 1,
      maxCpuMs: 1_000,
    })
    const error = await settled(pool.request('spin').catch((failed: Error) => failed))
    expect(error).toMatchObject({
      code: 'ERR_DROVER_WORKER_CPU_TIME',
      message: expect.stringContaining('1 s of processor'),
    })
  })

  it('hold for forEach and drover pool, and nonsense is refused', async () => {
    expect(() => runner({ maxProcesses: -1 })).toThrow(OptionError)
    expect(() => runner({ slots: '../x' })).toThrow(OptionError)
    expect(() => forEach([], new URL('file:///x.js'), { nice: 50 })).toThrow(/nice/)
    const end = await drover(['pool', '--max-processes', '0', 'cat'])
    expect(end).toMatchObject({ status: 255, stdout: '' })
    expect(end.stderr).toContain('--max-processes: expected a whole number of at least 1')
    const answered = await drover(['pool', '--slots', 'cli', '--nice', '3', 'cat'], {
      env: { XDG_RUNTIME_DIR: folder },
      input: 'a\nb\n',
    })
    expect(answered).toMatchObject({ status: 0 })
    expect(answered.stdout.split('\n').sort()).toEqual(['', 'a', 'b'])
  })
})

describe('a pool that waits for permission', () => {
  const worker = `new drover.ProcessPool('cat', [], { protocol: 'lines', max: 2, ...options })`
  it.each([
    ['slots', `{ slots: 'none' }`],
    ['memory', '{ minFreeBytes: 1e15 }'],
    ['slots and a jobserver', `{ slots: 'none', jobserver: 'server' }`],
  ])('for workers that nothing is to be done by does not keep a program running (%s)', async (_, options) => {
    setSlots('none', 0)
    const { stdout, exitCode } = await runProgram(`
      const options = { min: 1, ...${options} }
      const pool = ${worker}
      setTimeout(() => console.log(pool.stats().starting), 50)`)
    expect({ stdout, exitCode }).toEqual({ stdout: '0\n', exitCode: 0 })
  })

  it.each([
    ['slots', `{ slots: 'none' }`, `drover.setSlots('none', 1)`],
    ['memory', '{ minFreeBytes: 1e15 }', `pool.destroy()`],
  ])('for a worker that has something to do does (%s)', async (_, options, then) => {
    setSlots('none', 0)
    const { stdout, exitCode } = await runProgram(`
      const options = ${options}
      const pool = ${worker}
      setTimeout(() => ${then}, 700).unref()
      console.log(await pool.request('done').then(({ value }) => value, ({ code }) => code))`)
    expect({ stdout: stdout.replace('ERR_DROVER_CLOSED', 'done'), exitCode }).toEqual({ stdout: 'done\n', exitCode: 0 })
  })
})
