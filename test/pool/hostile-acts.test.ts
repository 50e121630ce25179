import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { WorkerExit } from '../../src/index.js'
import { isAlive } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { errorOf, hostilePool, LAUNCHERS, PROTOCOLS, settled } from './support.js'

const ANSWER = { act: 'answer', text: 'well' }

describe.each(LAUNCHERS)('a flood, with the %s launcher,', (launcher) => {
  /** How much the resident memory grew at the most while something went on. */
  async function growthDuring(work: Promise<unknown>): Promise<number> {
    const before = process.memoryUsage.rss()
    let most = before
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss())
    }, 5)
    try {
      await work
    } finally {
      clearInterval(timer)
    }
    return most - before
  }

  it.each(PROTOCOLS)(
    'of 300 MB of standard error is kept as far as it may, and its request answered (%s)',
    async (protocol) => {
      const { ask } = bound(hostilePool(protocol, { launcher, maxOutputBytes: 1_000_000 }))
      const flooded = settled(ask({ act: 'floodErr', bytes: 300e6, text: 'flooded' }))
      const growth = await growthDuring(flooded)
      const { value, stderr, truncated } = await flooded
      expect({ value, truncated, bytes: stderr.length }).toEqual({
        value: 'flooded',
        truncated: true,
        bytes: 1_000_000,
      })
      expect(growth).toBeLessThan(150e6)
      expect(await settled(ask(ANSWER))).toMatchObject({ value: 'well', stderr: '', truncated: false })
    },
  )

  it('of standard output that is no answer ends the worker, and nothing is kept', async () => {
    const { ask } = bound(hostilePool('frames', { launcher, killGraceMs: 100 }))
    const flooded = errorOf(ask({ act: 'floodOut', bytes: 300e6 }))
    const growth = await growthDuring(flooded)
    expect(await flooded).toMatchObject({ code: 'ERR_DROVER_WORKER_PROTOCOL', output: 'x'.repeat(2048) })
    expect(growth).toBeLessThan(150e6)
    expect((await settled(ask(ANSWER))).value).toBe('well')
  })

  it('of a line without an end is taken up to maxMessageBytes', async () => {
    const { ask } = bound(hostilePool('lines', { launcher, maxMessageBytes: 1_000_000, killGraceMs: 100 }))
    const flooded = errorOf(ask({ act: 'floodOut', bytes: 300e6 }))
    const growth = await growthDuring(flooded)
    expect(await flooded).toMatchObject({ code: 'ERR_DROVER_WORKER_PROTOCOL' })
    expect(growth).toBeLessThan(150e6)
  })

  it('behind an answer is told by the event, and harms nobody', async () => {
    const { pool, ask } = bound(hostilePool('frames', { launcher }))
    let bytes = 0
    pool.on('output', ({ chunk }) => {
      bytes += chunk.length
    })
    const first = await settled(ask({ act: 'floodErrAfter', bytes: 10 << 20, text: 'first' }))
    const next = await settled(ask(ANSWER))
    expect([first.value, next.value]).toEqual(['first', 'well'])
    // What comes in the same turn of the event loop as the answer counts as its own.
    const stderr = first.stderr + next.stderr
    expect(bytes + stderr.length).toBe(10 << 20)
  })
})

describe.each(LAUNCHERS)('what a worker starts, with the %s launcher,', (launcher) => {
  it.each([
    ['in its group', {}],
    ['in its group, with its output', { holds: true }],
    ['in a session of its own', { own: true }],
    ['in a session of its own, with its output', { own: true, holds: true }],
  ])('%s is ended with the pool', async (_, how) => {
    const hostile = hostilePool('frames', { launcher, killGraceMs: 200 })
    expect((await settled(hostile.ask({ act: 'fork', text: 'forked', ...how }))).value).toBe('forked')
    expect(hostile.processes.length).toBe(2)
    await settled(hostile.pool.close())
    expect(hostile.processes).toEqual([])
  })

  it.each([
    ['in its group', {}],
    ['in its group, with its output', { holds: true }],
    ['in a session of its own, with its output', { own: true, holds: true }],
  ])('%s is ended when the worker dies, and delays nobody', async (_, how) => {
    const hostile = hostilePool('frames', { launcher, killGraceMs: 200 })
    await settled(hostile.ask({ act: 'fork', text: 'forked', ...how }))
    expect(await errorOf(hostile.ask({ act: 'die', at: 0, code: 4 }))).toMatchObject({ exitCode: 4 })
    const { pid } = await settled(hostile.ask(ANSWER))
    await until('only the new worker is there', () => hostile.processes.every((each) => each === pid))
  })

  it('and what that prints later does not mix with answers', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-hostile-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const { pool, ask } = bound(hostilePool('frames', { launcher }))
    const file = join(folder, 'go')
    const told: string[] = []
    pool.on('output', ({ stream, chunk }) => told.push(`${stream}: ${chunk}`))
    await settled(ask({ act: 'forkPrinter', file, text: 'forked' }))
    writeFileSync(file, '')
    await until('it is told', () => told.length > 0)
    expect(told).toEqual(['stderr: from-the-child\n'])
    expect(await settled(ask(ANSWER))).toMatchObject({ value: 'well', stderr: '' })
  })
})

describe.each(PROTOCOLS)('a worker that talks %s, and ignores that it is asked to exit,', (protocol) => {
  it('gets TERM after the grace, and KILL after another', async () => {
    const hostile = hostilePool(protocol, { killGraceMs: 150 })
    const exits: { signal: string | null; error: unknown }[] = []
    hostile.pool.on('exit', (exit) => exits.push(exit))
    // The one heeds TERM, the other does not.
    await settled(hostile.ask({ act: 'deaf', text: 'x' }))
    const startedMs = performance.now()
    await settled(hostile.pool.close())
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(149)
    expect(exits).toMatchObject([{ signal: 'SIGTERM', error: null }])

    const stubborn = hostilePool(protocol, { killGraceMs: 150 })
    stubborn.pool.on('exit', (exit) => exits.push(exit))
    await settled(stubborn.ask({ act: 'stay', text: 'x' }))
    const againMs = performance.now()
    await settled(stubborn.pool.close())
    expect(performance.now() - againMs).toBeGreaterThanOrEqual(299)
    expect(exits[1]).toMatchObject({ signal: 'SIGKILL', error: null })
    expect(stubborn.processes).toEqual([])
  })

  it('when it is replaced does not hold up the next', async () => {
    const { pool, ask } = bound(hostilePool(protocol, { killGraceMs: 1_000, maxRequests: 1 }))
    const pids = new Set<number>()
    for (let n = 0; n < 2; n++) pids.add((await settled(ask({ act: 'stay', text: 'x' }))).pid)
    expect(pids.size).toBe(2)
    await until('all are gone', () => [...pids].every((pid) => !isAlive(pid)) && pool.stats().leaving === 0)
  })
})

describe.each(PROTOCOLS)('a worker that talks %s', (protocol) => {
  it('and leaks 100 MB a request is replaced, and no request fails', async () => {
    const { pool, ask } = bound(hostilePool(protocol, { recycleMemoryBytes: 250e6, checkIntervalMs: 10 }))
    const pids = new Set<number>()
    for (let n = 0; n < 8; n++) {
      const { value, pid } = await settled(ask({ act: 'leak', bytes: 100e6, text: 'leaked' }))
      expect(value).toBe('leaked')
      pids.add(pid)
      // With nothing to do meanwhile: it has to be seen between two answers as well.
      if (n === 3) await until('it was looked at', () => !isAlive(pid) || pool.stats().spare === 1)
    }
    expect(pids.size).toBeGreaterThan(1)
    expect(pool.stats()).toMatchObject({ answered: 8, rejected: 0 })
  })

  it('and answers twice is ended, and its first answer given', async () => {
    const { pool, ask } = bound(hostilePool(protocol, { killGraceMs: 100 }))
    const exited = new Promise<{ error: unknown }>((resolve) => pool.once('exit', resolve))
    expect((await settled(ask({ act: 'twice', text: 'once' }))).value).toBe('once')
    expect((await settled(exited)).error).toMatchObject({ code: 'ERR_DROVER_WORKER_PROTOCOL' })
    expect((await settled(ask(ANSWER))).value).toBe('well')
  })

  it('and prints before it is asked for anything is an error that carries what it printed', async () => {
    const options = { min: 1, startBackoffMs: 1, killGraceMs: 100 }
    const { pool } = hostilePool(protocol, options, { stdout: 'Warning: no such file\n' })
    const { error } = await settled(new Promise<WorkerExit>((resolve) => pool.once('exit', resolve)))
    expect(error).toMatchObject({ code: 'ERR_DROVER_WORKER_PROTOCOL' })
    expect(error!.output).toMatch(/^Warning: no such file\n/)
    // The whole end of it: the arguments have the words as well.
    expect(error!.message).toMatch(/; it printed: Warning: no such file$/)
  })

  it('and dies with its last words is told with them, its exit code and its signal', async () => {
    const { ask } = bound(hostilePool(protocol))
    await settled(ask(ANSWER))
    const long = `${'e'.repeat(20_000)}the last words\n`
    const byCode = await errorOf(ask({ act: 'die', at: 3, code: 77, stderr: long }))
    expect(byCode).toMatchObject({ code: 'ERR_DROVER_WORKER_DIED', exitCode: 77, signal: null })
    expect(byCode.stderr).toHaveLength(8192)
    expect(byCode.stderr).toMatch(/the last words\n$/)
    const bySignal = await errorOf(ask({ act: 'die', at: 0, signal: 'SIGSEGV', stderr: 'ouch' }))
    expect(bySignal).toMatchObject({
      code: 'ERR_DROVER_WORKER_DIED',
      exitCode: null,
      signal: 'SIGSEGV',
      stderr: 'ouch',
    })
  })
})

describe('what is no answer', () => {
  it.each<['frames' | 'process-pool', Record<string, unknown>]>([
    ['frames', { act: 'wrongId', by: 1 }],
    ['frames', { act: 'wrongId', by: -1 }],
    ['frames', { act: 'garbage', at: 0, garbage: '\xff\xff\xff\xff\x02' }],
    ['frames', { act: 'garbage', at: 0, garbage: '\x00\x00\x00\x05\x09\x00\x00\x00\x01' }],
    ['frames', { act: 'garbage', at: 0, garbage: '\x00\x00\x00\x04\x02\x00\x00\x00\x01' }],
    ['frames', { act: 'garbage', at: 0, garbage: 'PHP Warning' }],
    ['process-pool', { act: 'garbage', at: 0, garbage: 'PHP Warning' }],
    ['process-pool', { act: 'garbage', at: 0, garbage: '99999999999;' }],
    ['process-pool', { act: 'garbage', at: 0, garbage: '9999999999;' }],
    ['process-pool', { act: 'garbage', at: 0, garbage: ';' }],
    ['process-pool', { act: 'garbage', at: 0, garbage: '-1;' }],
  ])('of %s, %j, is told, and the worker replaced', async (protocol, act) => {
    const { ask } = bound(hostilePool(protocol, { killGraceMs: 100 }))
    const error = await errorOf(ask({ text: 'x', ...act, act: String(act.act) }))
    expect(error).toMatchObject({ name: 'WorkerError', code: 'ERR_DROVER_WORKER_PROTOCOL' })
    expect((await settled(ask(ANSWER))).value).toBe('well')
  })
})

function bound(hostile: ReturnType<typeof hostilePool>) {
  return { pool: hostile.pool, ask: hostile.ask.bind(hostile) }
}
