import { describe, expect, it } from 'vitest'
import { until } from '../helpers/until.js'
import { errorOf, settled } from '../pool/support.js'
import { commandPool, modulePool } from './support.js'

describe('a handler that fails', () => {
  it('by process.exit, a rejection nobody handles, or an exception out of it ends its worker, and the next is well', async () => {
    const pool = modulePool(`export const handle = (how) => {
      if (how === 'exit') process.exit(9)
      if (how === 'rejects') Promise.reject(new Error('nobody handles this'))
      if (how === 'throws') setImmediate(() => { throw new Error('nobody catches this') })
      return how === 'well' ? how : new Promise(() => {})
    }`)
    const ended = { name: 'WorkerError', code: 'ERR_DROVER_WORKER_DIED' }
    expect(await errorOf(pool.request('exit'))).toMatchObject({ ...ended, exitCode: 9, stderr: '' })
    const rejected = await errorOf(pool.request('rejects'))
    expect(rejected).toMatchObject({ ...ended, exitCode: 1 })
    expect(rejected.stderr).toContain('nobody handles this')
    expect(rejected.message).toContain('nobody handles this')
    expect((await errorOf(pool.request('throws'))).stderr).toContain('nobody catches this')
    expect((await pool.request('well')).value).toBe('well')
  })

  it.each([
    ['a null without prototype', 'Object.create(null)'],
    ['a symbol', `Symbol('s')`],
    ['an error with a stack that is no string', `Object.assign(new Error('odd'), { stack: 12n })`],
    ['an error whose message cannot be read', `Object.defineProperty(new Error(), 'message', { get() { throw 1 } })`],
    ['undefined', 'undefined'],
  ])('by throwing %s, goes on', async (_, what) => {
    const pool = modulePool(`export const handle = (throws) => { if (throws) throw ${what}; return process.pid }`)
    const { value: pid } = await pool.request(false)
    expect(await errorOf(pool.request(true))).toMatchObject({ code: 'ERR_DROVER_HANDLER' })
    expect((await pool.request(false)).value).toBe(pid)
  })

  it.each([
    ['a then that throws', `{ then() { throw new Error('odd') } }`, 'odd'],
    ['a then that cannot be read', `{ get then() { throw new Error('odd') } }`, 'odd'],
    ['a then that calls back twice', `{ then(resolve) { resolve('once'); resolve('twice') } }`, 'once'],
  ])('by returning %s, goes on', async (_, what, told) => {
    const pool = modulePool(`export const handle = (odd) => odd ? ${what} : process.pid`)
    const { value: pid } = await pool.request(false)
    const became = await pool.request(true).then(
      ({ value }) => value,
      (error: Error) => error.message,
    )
    expect(became).toContain(told)
    expect((await pool.request(false)).value).toBe(pid)
  })
})

describe('lines of a worker that is made with drover/worker', () => {
  it('are answered in order, whatever cannot be written as a line', async () => {
    const pool = commandPool(
      `serve({ protocol: 'lines', concurrency: 2, async handle(line) {
        console.log('printed for', line)
        if (line === 'slow') await new Promise((resolve) => setTimeout(resolve, 50))
        if (line === 'throws') throw new Error('not this one')
        return { big: 1n, fn: () => {}, two: 'a\\nb', slow: 'slow' }[line]
      } })`,
      { protocol: 'lines', pipeline: 6 },
    )
    const lines = ['slow', 'two', 'big', 'fn', 'throws', 'unknown']
    const answers = await settled(Promise.all(lines.map((line) => pool.request(line))))
    expect(answers.map(({ value }) => value)).toEqual(['slow', 'a b', '', '', '', ''])
  })
})

describe('several requests at once in one worker', () => {
  it('are cancelled one by one', async () => {
    const pool = modulePool(
      `const begun = []
       serve({ concurrency: 2, handle: (what, { signal }) => what === 'begun' ? begun : new Promise((resolve, reject) => {
         begun.push(what)
         signal.addEventListener('abort', () => reject(signal.reason))
         if (signal.aborted) reject(signal.reason)
       }) })`,
      { pipeline: 4 },
    )
    const controllers = [1, 2, 3].map(() => new AbortController())
    const errors = controllers.map(({ signal }, n) => errorOf(pool.request(n, { signal })))
    controllers[2]!.abort(new Error('third'))
    expect((await errors[2]!).message).toBe('third')
    await until('the others are sent', () => pool.stats().inFlight === 2)
    controllers[0]!.abort(new Error('first'))
    expect((await errors[0]!).message).toBe('first')
    expect((await settled(pool.request('begun'))).value).toEqual([0, 1])
    controllers[1]!.abort(new Error('second'))
    expect((await errors[1]!).message).toBe('second')
  })
})

describe('values', () => {
  it.each<[string, string, (value: never) => unknown, unknown]>([
    ['an ArrayBuffer', 'new Uint8Array([1, 2, 3]).buffer', (v: ArrayBuffer) => [...new Uint8Array(v)], [1, 2, 3]],
    [
      'floats',
      'new Float64Array([0.5, NaN])',
      (v: Float64Array) => [v.constructor.name, ...v],
      ['Float64Array', 0.5, NaN],
    ],
    [
      'an error with its cause',
      `new TypeError('t', { cause: new RangeError('r') })`,
      errorShape,
      ['TypeError', 't', 'RangeError', 'r'],
    ],
    ['a regular expression', '/a+/gi', (v: RegExp) => String(v), '/a+/gi'],
    ['an array with a hole', '[1, , 3]', (v: number[]) => [v.length, 1 in v], [3, false]],
    ['minus zero', '-0', (v: number) => Object.is(v, -0), true],
  ])('%s', async (_, source, look, expected) => {
    const pool = modulePool(`export const handle = (value) => value ?? (${source})`)
    const { value } = await pool.request(undefined)
    expect(look(value as never)).toEqual(expected)
    expect(look((await pool.request(value)).value as never)).toEqual(expected)
  })

  it.each<[string, unknown]>([
    ['a function', () => {}],
    ['a symbol', Symbol('s')],
    ['an object with a function in it', { deep: [{ fn() {} }] }],
    ['a WeakMap', new WeakMap()],
    ['a promise', Promise.resolve(1)],
  ])('%s cannot be sent, and nothing is', async (_, value) => {
    const pool = modulePool('export const handle = (value) => value')
    expect(await errorOf(pool.request(value))).toMatchObject({ code: 'ERR_DROVER_VALUE' })
    expect(pool.stats()).toMatchObject({ started: 0, queued: 0 })
  })
})

function errorShape(error: Error): unknown[] {
  const cause = error.cause as Error
  return [error.name, error.message, cause.name, cause.message]
}
