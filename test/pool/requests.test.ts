import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type PoolOptions, ProcessPool } from '../../dist/index.js'
import { isAlive } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { errorOf, settled } from './support.js'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-pool-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let modules = 0

/** A pool over a worker module with this text. */
function modulePool(source: string, options: PoolOptions = {}): ProcessPool {
  modules += 1
  const file = join(folder, `worker-${modules}.mjs`)
  writeFileSync(file, source)
  const pool = new ProcessPool(pathToFileURL(file), { max: 1, ...options })
  onTestFinished(() => pool.destroy({ graceMs: 0 }))
  return pool
}

const ECHO = 'export const handle = (value) => value'

describe('what a request and its answer may be', () => {
  it.each<[string, unknown]>([
    ['a string', 'é漢🎉\n\0'],
    ['an empty string', ''],
    ['half a surrogate pair', 'a\ud800b'],
    ['nothing', undefined],
    ['null', null],
    ['a number that JSON lacks', Number.NaN],
    ['a BigInt', 12n],
    [
      'a Map, a Set and a Date',
      new Map<unknown, unknown>([
        ['k', new Set([1])],
        ['d', new Date(5)],
      ]),
    ],
    ['an array of objects', [{ a: 1, b: [true, 'x'] }]],
    ['1 MB of text', 'x'.repeat(1_000_000)],
  ])('%s comes back as it was', async (_, value) => {
    const { value: back } = await modulePool(ECHO).request(value)
    expect(back).toEqual(value)
  })

  it('bytes come back as a Buffer, 10 MB of them too', async () => {
    const bytes = new Uint8Array(10_000_000).map((_, n) => n)
    const { value } = await modulePool(ECHO).request<Buffer>(bytes)
    expect(Buffer.isBuffer(value) && value.equals(bytes)).toBe(true)
  })

  it('a cycle stays one', async () => {
    const cycle: { self?: unknown } = {}
    cycle.self = cycle
    const { value } = await modulePool(ECHO).request<typeof cycle>(cycle)
    expect(value.self).toBe(value)
  })

  it('what cannot be sent is rejected, and what cannot be sent back fails in the handler', async () => {
    const pool = modulePool('export const handle = (what) => what === "function" ? () => {} : what')
    expect(await errorOf(pool.request(() => {}))).toMatchObject({ code: 'ERR_DROVER_VALUE' })
    expect(await errorOf(pool.request('function'))).toMatchObject({ code: 'ERR_DROVER_HANDLER' })
    expect((await pool.request('still there')).value).toBe('still there')
  })
})

describe('what a worker prints', () => {
  it('comes back with the answer, apart from the value', async () => {
    const pool = modulePool(
      `export const handle = (n) => { console.log('out', n); console.error('err', n); return n * 2 }`,
    )
    for (const n of [1, 2]) {
      expect(await pool.request(n)).toMatchObject({ value: n * 2, stdout: `out ${n}\n`, stderr: `err ${n}\n` })
    }
  })

  it('is told apart with several requests at once in one worker', async () => {
    const source = `
      import { serve } from ${JSON.stringify(new URL('../../dist/worker/index.js', import.meta.url).href)}
      const waiting = []
      serve({ concurrency: 3, async handle(n) {
        console.log('begun', n)
        await new Promise((resolve) => { waiting.push(resolve); if (waiting.length === 3) for (const go of waiting.reverse()) go() })
        console.log('done', n)
        return n
      } })`
    const pool = modulePool(source, { pipeline: 3 })
    const answers = await Promise.all([1, 2, 3].map((n) => pool.request(n)))
    expect(answers.map(({ value, stdout }) => ({ value, stdout }))).toEqual(
      [1, 2, 3].map((n) => ({ value: n, stdout: `begun ${n}\ndone ${n}\n` })),
    )
  })

  it('through a program that inherits its descriptors breaks nothing', async () => {
    const pool = modulePool(`
      import { execFileSync } from 'node:child_process'
      export const handle = () => { execFileSync('echo', ['past Node'], { stdio: 'inherit' }); return 'fine' }`)
    expect(await pool.request(0)).toMatchObject({ value: 'fine', stdout: '', stderr: 'past Node\n' })
  })

  it('on its way out is told with its exit', async () => {
    const pool = modulePool(`${ECHO}\nexport const teardown = () => console.log('goodbye')`)
    const exits: unknown[] = []
    pool.on('exit', (exit) => exits.push(exit))
    await pool.request(1)
    await pool.close()
    expect(exits).toMatchObject([{ exitCode: 0, error: null, answered: 1, stdout: 'goodbye\n' }])
  })
})

describe('what goes wrong', () => {
  it('an error of the handler carries what it was, and the worker goes on', async () => {
    const pool = modulePool(`
      export const handle = (fails) => {
        console.log('tried')
        if (fails) throw Object.assign(new RangeError('too far'), { code: 'E_FAR', limit: 7 })
        return process.pid
      }`)
    const { value: before } = await pool.request(false)
    const error = await errorOf(pool.request(true))
    expect(error).toMatchObject({ name: 'HandlerError', code: 'ERR_DROVER_HANDLER', stdout: 'tried\n' })
    expect(error.remote).toMatchObject({ name: 'RangeError', message: 'too far', code: 'E_FAR', data: { limit: 7 } })
    expect((await pool.request(false)).value).toBe(before)
  })

  it('a worker that dies takes its request with it, tells how, and is replaced', async () => {
    const pool = modulePool(
      `export const handle = (dies) => { if (dies) { console.error('oh no'); process.exit(7) } return 'well' }`,
    )
    const error = await errorOf(pool.request(true))
    expect(error).toMatchObject({
      name: 'WorkerError',
      code: 'ERR_DROVER_WORKER_DIED',
      exitCode: 7,
      signal: null,
      stderr: 'oh no\n',
    })
    expect((await pool.request(false)).value).toBe('well')
  })

  it('is sent again only when that was allowed', async () => {
    const file = join(folder, 'tries')
    writeFileSync(file, '')
    const pool = modulePool(`
      import { appendFileSync, readFileSync } from 'node:fs'
      export const handle = () => {
        appendFileSync(${JSON.stringify(file)}, 'x')
        if (readFileSync(${JSON.stringify(file)}).length < 3) process.kill(process.pid, 'SIGKILL')
        return 'done'
      }`)
    expect(await errorOf(pool.request(0, { retries: 1 }))).toMatchObject({ signal: 'SIGKILL' })
    expect(readFileSync(file, 'utf8')).toBe('xx')
    writeFileSync(file, '')
    expect((await pool.request(0, { retries: 2 })).value).toBe('done')
  })

  it('a module that is none says so, and all that waits gets the reason', async () => {
    const pool = modulePool('export const nothing = 1', { startBackoffMs: 1 })
    const errors = await Promise.all([errorOf(pool.request(1)), errorOf(pool.request(2))])
    for (const error of errors) {
      expect(error).toMatchObject({ name: 'WorkerError', code: 'ERR_DROVER_WORKER_START' })
      expect(error.message).toMatch(/3 times in a row.*neither calls serve\(\) nor exports a function handle/)
    }
    expect(pool.stats().started).toBe(3)
  })

  it('a program that does not exist', async () => {
    const pool = new ProcessPool('/nowhere/worker', [], { protocol: 'lines', startBackoffMs: 1 })
    onTestFinished(() => pool.destroy())
    expect(await errorOf(pool.request('x'))).toMatchObject({ code: 'ERR_DROVER_WORKER_START' })
  })
})

describe('giving up', () => {
  const SLEEPER = `
    export const handle = (what, { signal }) => what === 'pid' ? process.pid : new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, 1e6)
      if (what === 'heeds') signal.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason) })
    })`

  it('a handler that heeds its signal keeps its worker', async () => {
    const pool = modulePool(SLEEPER)
    const { value: pid } = await pool.request('pid')
    expect(await errorOf(pool.request('heeds', { timeoutMs: 30 }))).toMatchObject({ code: 'ERR_DROVER_TIMEOUT' })
    expect((await pool.request('pid')).value).toBe(pid)
  })

  it('one that does not is ended after the grace, and replaced', async () => {
    const pool = modulePool(SLEEPER, { killGraceMs: 50 })
    const { value: pid } = await pool.request<number>('pid')
    expect(await errorOf(pool.request('sleeps', { timeoutMs: 30 }))).toMatchObject({ code: 'ERR_DROVER_TIMEOUT' })
    expect((await settled(pool.request('pid'))).value).not.toBe(pid)
    await until('the worker is gone', () => !isAlive(pid))
  })

  it('rejects with the reason of the signal, sent or not', async () => {
    const pool = modulePool(SLEEPER, { killGraceMs: 50 })
    const controller = new AbortController()
    const requests = [
      pool.request('heeds', { signal: controller.signal }),
      pool.request('pid', { signal: controller.signal }),
    ]
    const errors = Promise.all(requests.map(errorOf))
    await until('one is sent', () => pool.stats().inFlight === 1)
    controller.abort(new Error('changed my mind'))
    for (const error of await errors) expect(error.message).toBe('changed my mind')
    expect((await errorOf(pool.request('pid', { signal: controller.signal }))).message).toBe('changed my mind')
    expect(pool.stats()).toMatchObject({ queued: 0, inFlight: 0, rejected: 3 })
  })
})
