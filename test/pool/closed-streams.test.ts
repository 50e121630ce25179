import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { DroverError } from '../../src/index.js'
import { isAlive } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { errorOf, hostilePool, LAUNCHERS, PROTOCOLS, poolOf, settled } from './support.js'

const ANSWER = { act: 'answer', text: 'well' }

describe.each(PROTOCOLS)('a worker that talks %s, and lives on,', (protocol) => {
  it.each(LAUNCHERS)('closes its output: its request is rejected, and it is replaced (%s)', async (launcher) => {
    const hostile = hostilePool(protocol, { launcher, killGraceMs: 100 })
    const error = await errorOf(hostile.ask({ act: 'closeOut' }))
    expect(error).toMatchObject({ name: 'WorkerError', code: 'ERR_DROVER_WORKER_DIED' })
    expect(error.message).toContain('closed its standard output, and did not exit')
    expect((await settled(hostile.ask(ANSWER))).value).toBe('well')
  })

  it.each(LAUNCHERS)('closes its input: it gets nothing more, or what it got is rejected (%s)', async (launcher) => {
    const hostile = hostilePool(protocol, { launcher, killGraceMs: 100 })
    const { value, pid } = await settled(hostile.ask({ act: 'closeIn', text: 'last' }))
    expect(value).toBe('last')
    // It may be sent before the worker has closed its input; with sockets that is not seen until something more is written.
    const next = await settled(Promise.allSettled([hostile.ask(ANSWER, { timeoutMs: 2_000 })]))
    const unseen = launcher === 'node' ? ['ERR_DROVER_TIMEOUT'] : []
    const outcome = next[0]!.status === 'fulfilled' ? next[0]!.value.value : (next[0]!.reason as DroverError).code
    expect(['well', 'ERR_DROVER_WORKER_DIED', ...unseen]).toContain(outcome)
    expect((await settled(hostile.ask(ANSWER))).value).toBe('well')
    await until('the deaf one is ended', () => !isAlive(pid))
  })

  it('closes both', async () => {
    const hostile = hostilePool(protocol, { killGraceMs: 100 })
    expect(await errorOf(hostile.ask({ act: 'closeBoth' }))).toMatchObject({ code: 'ERR_DROVER_WORKER_DIED' })
    expect((await settled(hostile.ask(ANSWER))).value).toBe('well')
  })
})

it('one that takes no more input, and answers what it has, is not hurried', async () => {
  const line = 'read -r line; exec <&-; sleep 0.5; echo "$line"'
  const pool = poolOf('/bin/sh', ['-c', line], { protocol: 'lines', max: 1 })
  expect((await settled(pool.request('late'))).value).toBe('late')
  expect((await settled(pool.request('again'))).value).toBe('again')
})

it('one that begins a message that nobody asked for, and does not end it, harms no request', async () => {
  const hostile = hostilePool('frames', { killGraceMs: 100 })
  const half = '\x00\x00\x00\x09'
  const { pid } = await settled(hostile.ask({ act: 'garbage', at: 1000, garbage: half, text: 'first' }))
  const next = await settled(hostile.ask(ANSWER))
  expect(next.value).toBe('well')
  expect(next.pid).not.toBe(pid)
})

it('what was meant for one that ended at its start is not sent to another that is started meanwhile', async () => {
  const warm = poolOf('cat', [], { protocol: 'lines', max: 1 })
  await settled(warm.request('the launcher is there'))
  const programs = [...Array(2).fill('true'), ...Array(22).fill('cat')]
  const asked = programs.map((program, place) =>
    settled(poolOf(program, [], { protocol: 'lines', max: 1 }).request(`${place}`)),
  )
  const outcomes = await Promise.allSettled(asked)
  const told = outcomes.map((one) => (one.status === 'fulfilled' ? one.value.value : one.reason.code))
  const expected = programs.map((program, place) => (program === 'cat' ? `${place}` : 'ERR_DROVER_WORKER_DIED'))
  expect(told).toEqual(expected)
})

it('no end of a pipe is left of workers that have ended', async () => {
  const open = () => readdirSync('/proc/self/fd').length
  const one = async () => {
    const pool = poolOf('/bin/sh', ['-c', 'exec 2>&-; read -r line; echo "$line"'], { protocol: 'lines', max: 1 })
    await settled(pool.request('only'))
    await pool.destroy()
  }
  await one()
  const before = open()
  for (let n = 0; n < 40; n++) await one()
  await until('all are closed', () => open() <= before)
})
