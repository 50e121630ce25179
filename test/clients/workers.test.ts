import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isAlive } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { errorOf, LAUNCHERS, settled } from '../pool/support.js'
import { LANGUAGES, workerPool } from './support.js'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-clients-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(LANGUAGES)('a worker in $name that talks frames', (language) => {
  const { name } = language

  it.each<[string, unknown, unknown]>([
    ['a string', 'é漢🎉\n\0', 'é漢🎉\n\0'],
    ['an empty string', '', ''],
    ['nothing', undefined, undefined],
    ['null, which is nothing there', null, undefined],
    ['a number', 1.5, 1.5],
    ['a whole number', 12, 12],
    ['false', false, false],
    ['an array of objects', [{ a: 1, b: [true, 'ü', null] }], [{ a: 1, b: [true, 'ü', null] }]],
    ['1 MB of text', 'é'.repeat(500_000), 'é'.repeat(500_000)],
  ])('%s comes back', async (_, value, back) => {
    expect((await workerPool(language).request(value)).value).toEqual(back)
  })

  it('bytes come back as bytes, 10 MB of them too', async () => {
    const bytes = new Uint8Array(10_000_000).map((_, n) => n * 7)
    const { value } = await workerPool(language).request<Buffer>(bytes)
    expect(Buffer.isBuffer(value) && value.equals(bytes)).toBe(true)
  })

  it('bytes that it makes are bytes', async () => {
    const { value } = await workerPool(language).request({ act: 'bytes' })
    expect(value).toEqual(Buffer.from([255, 0, 254]))
  })

  it('40 MB of text come back', { timeout: 60_000 }, async () => {
    const { value } = await workerPool(language).request<string>({ act: 'many', size: 40_000_000 })
    expect(value.length).toBe(40_000_000)
  })

  it('requests that are sent ahead are answered, each its own', async () => {
    const pool = workerPool(language, { pipeline: 8, max: 2 })
    const numbers = Array.from({ length: 2000 }, (_, n) => n)
    const answers = await Promise.all(
      numbers.map((n) => pool.request({ act: 'print', out: `out ${n}`, err: `err ${n}`, value: n })),
    )
    expect(answers.map(({ value, stdout, stderr }) => ({ value, stdout, stderr }))).toEqual(
      numbers.map((n) => ({ value: n, stdout: `out ${n}\n`, stderr: `err ${n}\n` })),
    )
    expect(pool.stats().started).toBe(2)
  })

  it('what it prints comes apart from the value, in whichever way it is printed', async () => {
    const pool = workerPool(language)
    expect(await pool.request({ act: 'everyWay' })).toMatchObject({ value: true, stdout: 'abcd', stderr: '' })
    expect(await pool.request({ act: 'printMany', lines: 20_000 })).toMatchObject({
      value: 'printed',
      stdout: `${'x'.repeat(99)}\n`.repeat(20_000),
    })
    expect(await pool.request('nothing printed')).toMatchObject({ value: 'nothing printed', stdout: '' })
  })

  it.each(LAUNCHERS)('a program that inherits its descriptors breaks nothing (%s launcher)', async (launcher) => {
    const pool = workerPool(language, { launcher })
    expect(await pool.request({ act: 'child' })).toMatchObject({ value: 0, stdout: '', stderr: `past ${name}\n` })
    expect((await pool.request('next')).value).toBe('next')
    expect((await pool.request<string>({ act: 'many', size: 3_000_000 })).value.length).toBe(3_000_000)
  })

  it('a forked child that comes back from the handler answers nothing', async () => {
    const pool = workerPool(language)
    const { value, stdout, stderr } = await pool.request({ act: 'fork' })
    expect({ value, stdout, stderr }).toEqual({ value: 'of the parent', stdout: '', stderr: 'in the child\n' })
    expect((await pool.request('next')).value).toBe('next')
  })

  it('what the handler of a signal prints breaks into no message', async () => {
    const pool = workerPool(language, { pipeline: 4 })
    const { value: pid } = await pool.request<number>({ act: 'heedSignals' })
    let printed = 0
    pool.on('output', ({ chunk }) => {
      printed += chunk.length
    })
    let isOver = false
    const answers = Promise.all(
      Array.from({ length: 200 }, () => pool.request<string>({ act: 'many', size: 300_000 })),
    ).finally(() => {
      isOver = true
    })
    await until('all is answered', () => {
      if (!isOver) process.kill(pid, 'SIGUSR1')
      return isOver
    })
    for (const { value, stdout } of await answers) {
      expect(value.length).toBe(300_000)
      expect(stdout.replaceAll('signal', '').trim()).toBe('')
      printed += stdout.length
    }
    expect(printed).toBeGreaterThan(0)
    expect(pool.stats().started).toBe(1)
  })

  it('an error carries what it was, and the worker goes on', async () => {
    const pool = workerPool(language)
    const { value: before } = await pool.request({ act: 'pid' })
    const error = await errorOf(pool.request({ act: 'throw' }))
    expect(error).toMatchObject({ name: 'HandlerError', code: 'ERR_DROVER_HANDLER', stdout: 'tried' })
    expect(error.remote).toMatchObject({ name: 'TooFar', message: 'too far', code: '42', data: { limit: 7 } })
    expect((error.remote as { stack: string }).stack).toMatch(/worker\.(php|py)/)
    expect((await errorOf(pool.request({ act: 'throwBytes' }))).remote).toMatchObject({
      message: expect.stringMatching(/^bad . byte$/u),
    })
    expect(await errorOf(pool.request({ act: 'unsendable' }))).toMatchObject({ code: 'ERR_DROVER_HANDLER' })
    expect((await pool.request({ act: 'pid' })).value).toBe(before)
  })

  it('one that ends in its handler takes its request with it, and tells how', async () => {
    const pool = workerPool(language)
    const error = await errorOf(pool.request({ act: 'exit', code: 7 }))
    expect(error).toMatchObject({ code: 'ERR_DROVER_WORKER_DIED', exitCode: 7, signal: null })
    expect(error.stderr).toMatch(/oh no\n.*the handler ended this process/s)
    expect(await errorOf(pool.request({ act: 'exit', code: 0 }))).toMatchObject({ exitCode: 0 })
    expect((await pool.request('again')).value).toBe('again')
  })

  it('one that dies of a fatal error, or is killed, tells the end of its stderr', async () => {
    const pool = workerPool(language)
    const error = await errorOf(pool.request({ act: 'fatal' }))
    expect(error).toMatchObject({ code: 'ERR_DROVER_WORKER_DIED', exitCode: 255 })
    expect(error.stderr).toMatch(/Fatal/)
    expect(await errorOf(pool.request({ act: 'kill' }))).toMatchObject({ exitCode: null, signal: 'SIGKILL' })
    expect((await pool.request('again')).value).toBe('again')
  })

  it('a request of a dead worker is sent to another where that is allowed', async () => {
    const pool = workerPool(language, { pipeline: 4, startBackoffMs: 1 })
    const dying = errorOf(pool.request({ act: 'kill' }))
    const behind = Promise.all([1, 2, 3].map((n) => pool.request(n, { retries: 1 })))
    expect(await dying).toMatchObject({ signal: 'SIGKILL' })
    expect((await settled(behind)).map(({ value }) => value)).toEqual([1, 2, 3])
  })

  it('warnings are no part of what is printed', async () => {
    const { stdout, stderr, value } = await workerPool(language).request({ act: 'warn' })
    expect({ stdout, value }).toEqual({ stdout: '', value: true })
    expect(stderr).toContain('careful')
  })

  it('answers all that it has, and says goodbye, before it exits', async () => {
    const pool = workerPool(language, { pipeline: 8 })
    const exits: unknown[] = []
    pool.on('exit', (exit) => exits.push(exit))
    const answers = Promise.all([1, 2, 3, 4, 5].map((n) => pool.request(n)))
    await pool.close()
    expect((await answers).map(({ value }) => value)).toEqual([1, 2, 3, 4, 5])
    expect(exits).toMatchObject([{ exitCode: 0, error: null, answered: 5, stdout: 'goodbye after 5\n' }])
  })

  it('an exit handler that fails is told by the exit code and on stderr', async () => {
    const pool = workerPool(language, { env: { WORKER_EXIT: 'throws' } })
    const exits: { stderr: string }[] = []
    pool.on('exit', (exit) => exits.push(exit))
    await pool.request(1)
    await pool.close()
    expect(exits).toMatchObject([{ exitCode: 1, stdout: 'goodbye after 1\n' }])
    expect(exits[0]!.stderr).toContain('no goodbye')
  })

  it('is replaced after so many requests', async () => {
    const pool = workerPool(language, { maxRequests: 2 })
    const pids: number[] = []
    for (let n = 0; n < 4; n++) pids.push((await settled(pool.request<number>({ act: 'pid' }))).value)
    expect(pids[1]).toBe(pids[0])
    expect(pids[2]).not.toBe(pids[0])
    expect(pids[3]).toBe(pids[2])
    await until('the first is gone', () => !isAlive(pids[0]!))
  })

  it('a handler that asks whether it was given up keeps its worker', async () => {
    const pool = workerPool(language, { pipeline: 2, killGraceMs: 20_000 })
    const { value: before } = await pool.request({ act: 'pid' })
    const file = join(folder, `begun-${name}`)
    const abort = new AbortController()
    const given = errorOf(pool.request({ act: 'untilCancelled', file }, { signal: abort.signal }))
    const behind = new AbortController()
    const dropped = errorOf(pool.request({ act: 'exit', code: 9 }, { signal: behind.signal }))
    await until('the handler has begun', () => existsSync(file))
    behind.abort()
    abort.abort()
    expect([await given, await dropped]).toMatchObject([{ name: 'AbortError' }, { name: 'AbortError' }])
    expect((await settled(pool.request({ act: 'pid' }))).value).toBe(before)
  })
})

describe('a worker in PHP', () => {
  const [language] = LANGUAGES

  it('may do with its output buffers what it likes', async () => {
    const pool = workerPool(language!)
    expect(await pool.request({ act: 'discard' })).toMatchObject({ value: 'fine', stdout: 'kept' })
    for (const act of ['closeBuffers', 'closeAndOpen', 'closeAndOpen']) {
      expect((await pool.request({ act })).value).toBe('closed')
      expect(await pool.request({ act: 'discard' })).toMatchObject({ value: 'fine', stdout: 'kept', stderr: '' })
    }
  })
})

describe.each(LANGUAGES)('a worker in $name that talks process-pool', (language) => {
  const options = { protocol: 'process-pool' } as const

  it('answers what the handler printed and returned, any bytes', async () => {
    const pool = workerPool(language, options)
    const text = (request: object) => pool.request(JSON.stringify(request))
    expect(await text({ act: 'print', out: 'printed', err: 'err', value: 'value' })).toMatchObject({
      value: 'printed\nvalue',
      stderr: 'err\n',
    })
    expect((await pool.request('')).value).toBe('')
    expect((await text({ act: 'print', out: '', err: '', value: { a: 1 } })).value).toBe('\n{"a":1}')
    const big = workerPool(language, { ...options, encoding: 'buffer' })
    const bytes = Buffer.from(new Uint8Array(10_000_000).map((_, n) => n * 7))
    expect((await big.request<Buffer>(bytes)).value.equals(bytes)).toBe(true)
  })

  it('a handler that fails ends it, and the reason is on stderr', async () => {
    const error = await errorOf(workerPool(language, options).request('{"act":"throw"}'))
    expect(error).toMatchObject({ code: 'ERR_DROVER_WORKER_DIED', exitCode: 1 })
    expect(error.stderr).toMatch(/TooFar.*too far/s)
  })

  it('says goodbye, and answers health checks', async () => {
    const pool = workerPool(language, {
      ...options,
      healthCheckMs: 1,
      checkIntervalMs: 10,
      healthRequest: '{"act":"pid"}',
    })
    const exits: unknown[] = []
    pool.on('exit', (exit) => exits.push(exit))
    await pool.request('x')
    let asked = 0
    await until('it was asked whether it is well', async () => {
      asked += 1
      const { value } = await pool.request('{"act":"handled"}')
      return Number(value) > asked + 3
    })
    await pool.close()
    expect(exits).toMatchObject([
      { exitCode: 0, error: null, stdout: expect.stringMatching(/^\d+;goodbye after \d+\n$/) },
    ])
  })
})

describe.each(LANGUAGES)('a worker in $name that talks lines', (language) => {
  it('answers a line with a line', async () => {
    const pool = workerPool(language, { protocol: 'lines', pipeline: 4, env: { WORKER_PROTOCOL: 'lines' } })
    const answers = await Promise.all(
      ['a', '', 'ü', '{"act":"throw"}', '{"act":"many","size":300000}'].map((line) => pool.request(line)),
    )
    expect(answers.map(({ value }) => value)).toEqual(['a', '', 'ü', '', 'm'.repeat(300_000)])
    const exits: { stderr: string }[] = []
    pool.on('exit', (exit) => exits.push(exit))
    await pool.close()
    expect(exits).toMatchObject([{ exitCode: 0 }])
    expect(exits[0]!.stderr).toMatch(/tried.*too far.*goodbye after 5/s)
  })
})
