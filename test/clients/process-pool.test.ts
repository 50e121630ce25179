import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { PoolOptions, ProcessPool } from '../../src/index.js'
import { errorOf, poolOf } from '../pool/support.js'
import { programFile } from './support.js'

function referencePool(options: PoolOptions = {}): ProcessPool {
  return poolOf('php', [programFile('reference-worker.php')], { protocol: 'process-pool', max: 1, ...options })
}

describe('a worker written for ssigwart/process-pool', () => {
  it('answers through a pool', async () => {
    const pool = referencePool()
    const exits: unknown[] = []
    pool.on('exit', (exit) => exits.push(exit))
    expect(await pool.request('first')).toMatchObject({ value: 'tsrif', stdout: 'tsrif', stderr: 'got 5\n' })
    expect(await pool.request('')).toMatchObject({ value: '', stderr: 'got 0\n' })
    expect((await pool.request('1;3\nabc;0;\n')).value).toBe('\n;0;cba\n3;1')
    const large = '0123456789'.repeat(500_000)
    expect((await pool.request<string>(large)).value).toBe([...large].reverse().join(''))
    await pool.close()
    expect(exits).toMatchObject([{ exitCode: 0, error: null, answered: 4, stdout: 'bye' }])
  })

  it('is replaced when it dies, and when it prints what was not asked for', async () => {
    const pool = referencePool()
    expect(await errorOf(pool.request('die 3'))).toMatchObject({
      code: 'ERR_DROVER_WORKER_DIED',
      exitCode: 3,
      stderr: 'dying\n',
    })
    expect(await errorOf(pool.request('print without being asked'))).toMatchObject({
      code: 'ERR_DROVER_WORKER_PROTOCOL',
      output: expect.stringContaining('unasked for'),
    })
    expect((await pool.request('abc')).value).toBe('cba')
  })

  it('carries any bytes', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n))
    const { value } = await referencePool({ encoding: 'buffer' }).request<Buffer>(bytes)
    expect(value.equals(Buffer.from(bytes).reverse())).toBe(true)
  })
})

describe('a parent written for ssigwart/process-pool', () => {
  const play = async (...args: string[]) => {
    const worker = [process.execPath, programFile('echo-worker.mjs'), ...args]
    const { stdout } = await promisify(execFile)('php', [programFile('pool-parent.php'), ...worker])
    return JSON.parse(stdout) as Record<string, unknown>
  }
  const answers = ['first', '', 'ü\n\0;1;3\nabc', 'printed\nprint', '{"an":"object"}']

  it('is answered by a worker of drover/worker', async () => {
    expect(await play()).toEqual({
      answers,
      large: true,
      goodbye: '16;goodbye after 6\n',
      stderr: 'got 5\ngot 0\ngot 11\ngot 5\ngot 1000000\n',
      exitCode: 0,
    })
  })

  it('sees it end when its handler fails', async () => {
    expect(await play('fail')).toMatchObject({
      answers,
      goodbye: '',
      stderr: expect.stringContaining('RangeError: cannot do that'),
      exitCode: 1,
    })
  })
})
