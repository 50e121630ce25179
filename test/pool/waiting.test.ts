import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { WorkerExit } from '../../src/index.js'
import { runProgram } from '../helpers/program.js'
import { until } from '../helpers/until.js'
import { errorOf, hostilePool, poolOf, programFile, settled } from './support.js'

const ANSWER = { act: 'answer', text: 'well' }

it('close ends when the last that waited is given up, although no worker gets ready', async () => {
  const hostile = hostilePool('frames', { startTimeoutMs: 0, killGraceMs: 50 }, { neverReady: true })
  const controller = new AbortController()
  const asked = errorOf(hostile.ask(ANSWER, { signal: controller.signal }))
  const closed = hostile.pool.close()
  controller.abort(new Error('enough'))
  expect((await asked).message).toBe('enough')
  await settled(closed, 'close')
  expect(hostile.processes).toEqual([])
})

it('a worker that does not get ready keeps its program alive only while somebody waits', async () => {
  const args = JSON.stringify([programFile('hostile.mjs'), 'frames', 'w', '{"neverReady":true}'])
  const { stdout, exitCode } = await runProgram(`
    const pool = new drover.ProcessPool(process.execPath, ${args}, { protocol: 'frames', max: 1, startTimeoutMs: 0 })
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('enough')), 300)
    await pool.request('x', { signal: controller.signal }).catch(({ message }) => console.log(message))`)
  expect({ stdout, exitCode }).toEqual({ stdout: 'enough\n', exitCode: 0 })
})

it('a request that waits for the end of a health check keeps its program alive', async () => {
  const args = JSON.stringify([programFile('hostile.mjs'), 'frames', 'w', '{"noPong":true}'])
  const health = '{ healthCheckMs: 10, checkIntervalMs: 10, healthTimeoutMs: 500, killGraceMs: 50 }'
  const { stdout, exitCode } = await runProgram(`
    const pool = new drover.ProcessPool(process.execPath, ${args}, { protocol: 'frames', max: 1, ...${health} })
    const ask = () => pool.request('${JSON.stringify(ANSWER)}')
    await ask()
    while (pool.stats().running === 0) await new Promise((resolve) => setTimeout(resolve, 2))
    console.log((await ask()).value)`)
  expect({ stdout, exitCode }).toEqual({ stdout: 'well\n', exitCode: 0 })
})

it('close does not wait for a health check', async () => {
  const args = JSON.stringify([programFile('hostile.mjs'), 'lines', 'w'])
  const health = `{ healthCheckMs: 10, checkIntervalMs: 10, healthTimeoutMs: 50_000, healthRequest: '{"act":"silent"}' }`
  const { stdout, exitCode } = await runProgram(`
    const options = { protocol: 'lines', min: 1, max: 1, ...${health} }
    const pool = new drover.ProcessPool(process.execPath, ${args}, options)
    while (pool.stats().running === 0) await new Promise((resolve) => setTimeout(resolve, 2))
    await pool.close()
    console.log('closed')`)
  expect({ stdout, exitCode }).toEqual({ stdout: 'closed\n', exitCode: 0 })
})

it('one signal for 20,000 requests gives all of them up', async () => {
  const { pool, ask } = bound(hostilePool('frames', { max: 2, killGraceMs: 100 }))
  const controller = new AbortController()
  const kept = ask(ANSWER)
  const all = Array.from({ length: 20_000 }, () => ask({ act: 'silent' }, { signal: controller.signal }))
  const outcomes = Promise.allSettled(all)
  const last = ask(ANSWER)
  await until('some are sent', () => pool.stats().inFlight === 2)
  controller.abort(new Error('enough'))
  const became = (await settled(outcomes)).map((outcome) => outcome.status === 'rejected' && outcome.reason.message)
  expect(new Set(became)).toEqual(new Set(['enough']))
  expect((await settled(kept)).value).toBe('well')
  expect((await settled(last)).value).toBe('well')
  expect(pool.stats()).toMatchObject({ queued: 0, inFlight: 0, answered: 2, rejected: 20_000 })
})

it('a request that is given up behind one that takes long does not end the worker of both', async () => {
  const pool = poolOf('/bin/sh', ['-c', 'while read -r line; do sleep "$line"; echo "$line"; done'], {
    protocol: 'lines',
    max: 1,
    pipeline: 2,
    killGraceMs: 300,
  })
  await pool.request('0')
  const long = pool.request('1')
  expect(await errorOf(pool.request('0', { timeoutMs: 50 }))).toMatchObject({ code: 'ERR_DROVER_TIMEOUT' })
  const { value, pid } = await settled(long)
  expect(value).toBe('1')
  expect(await settled(pool.request('0'))).toMatchObject({ value: '0', pid })
})

it('the one that the worker is at is waited for no longer than killGraceMs when it is given up', async () => {
  const { ask } = bound(hostilePool('frames', { max: 1, pipeline: 2, killGraceMs: 100 }))
  const { pid } = await ask(ANSWER)
  const given = errorOf(ask({ act: 'silent' }, { timeoutMs: 50 }))
  const behind = await settled(ask({ act: 'answer', text: 'behind' }))
  expect(await given).toMatchObject({ code: 'ERR_DROVER_TIMEOUT' })
  expect(behind).toMatchObject({ value: 'behind', pid })
  expect((await settled(ask(ANSWER))).value).toBe('well')
})

it('a health check counts for nothing: neither as a request that was answered, nor as one of maxRequests', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'drover-checks-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const log = join(folder, 'log')
  writeFileSync(log, '')
  const line = `while read -r x; do echo "$x" >> '${log}'; echo "$x"; done`
  const health = { healthCheckMs: 1, checkIntervalMs: 10, healthRequest: 'well?' }
  const pool = poolOf('sh', ['-c', line], { protocol: 'lines', min: 1, max: 1, maxRequests: 2, ...health })
  const exit = new Promise<WorkerExit>((resolve) => pool.once('exit', resolve))
  const checks = () => readFileSync(log, 'utf8').split('\n').length - 1
  await until('it was asked five times', () => checks() >= 5)
  expect((await settled(pool.request('one'))).value).toBe('one')
  expect(pool.stats()).toMatchObject({ started: 1, answered: 1 })
  expect((await settled(pool.request('two'))).value).toBe('two')
  expect(await settled(exit)).toMatchObject({ answered: 2, error: null })
})

it('a health check is neither something to do nor a reason to refuse', async () => {
  const { pool, ask } = bound(
    hostilePool('frames', { exhausted: 'throw', healthCheckMs: 10, checkIntervalMs: 10, maxIdleMs: 2_000 }),
  )
  await ask(ANSWER)
  let asked = 0
  await until(
    'it has often been asked while it was checked',
    async () => {
      const isChecked = pool.stats().running === 1
      if (isChecked) expect((await ask(ANSWER)).value).toBe('well')
      asked += Number(isChecked)
      return asked === 3
    },
    20_000,
  )
  await until('it has exited, for all its checks, since nobody asked for anything', () => pool.stats().spare === 0)
  expect(pool.stats().rejected).toBe(0)
})

it('a worker that is larger than recycleMemoryBytes from the start does what is asked for all the same', async () => {
  const { pool, ask } = bound(hostilePool('frames', { recycleMemoryBytes: 1000, checkIntervalMs: 10 }))
  for (let n = 0; n < 3; n++) expect((await settled(ask(ANSWER))).value).toBe('well')
  expect(pool.stats().started).toBeLessThanOrEqual(4)
})

it('an answer that is too long for a string is an error of its request, and of nothing else', async () => {
  const { ask } = bound(hostilePool('lines'))
  const tooLong = 12_345
  const original = Buffer.prototype.toString
  const limit = vi.spyOn(Buffer.prototype, 'toString').mockImplementation(function (this: Buffer, ...args) {
    if (this.length === tooLong) throw new RangeError('Cannot create a string longer than this')
    return original.apply(this, args)
  })
  onTestFinished(() => limit.mockRestore())
  const error = await errorOf(ask({ act: 'answer', text: 'x'.repeat(tooLong) }))
  expect(error).toMatchObject({ code: 'ERR_DROVER_WORKER_PROTOCOL' })
  expect(error.message).toMatch(/wrote what cannot be read: Cannot create a string longer/)
  expect((await settled(ask(ANSWER))).value).toBe('well')
})

function bound(hostile: ReturnType<typeof hostilePool>) {
  return { pool: hostile.pool, ask: hostile.ask.bind(hostile) }
}

it.each([
  ['lines', 'cat', []],
  ['frames', process.execPath, [programFile('hostile.mjs'), 'frames', 'w0', '{}']],
] as const)(
  'requests for more workers than there is room for are answered by those that there are (%s)',
  async (...given) => {
    const program = `
    const [protocol, command, args] = ${JSON.stringify(given)}
    const pool = new drover.ProcessPool(command, args, { protocol, max: 20 })
    const message = JSON.stringify({ act: 'answer', text: 'well' })
    const asked = Array.from({ length: 60 }, () => pool.request(message))
    const expected = protocol === 'lines' ? message : 'well'
    const outcomes = await Promise.all(asked.map((one) => one.then(({ value }) => value === expected, (error) => error.message)))
    console.log(JSON.stringify(outcomes.filter((one) => one !== true)))
    await pool.close()`
    const { stdout } = await runProgram(program, 'ulimit -n 48')
    expect(JSON.parse(stdout)).toEqual([])
  },
)
