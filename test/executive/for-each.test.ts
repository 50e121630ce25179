import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { forEach } from '../../dist/index.js'
import { isAlive, processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { ACTING, type ActResult, actOn, all, answers } from './support.js'

const byIndex = (results: readonly ActResult[]) => [...results].sort((a, b) => a.index - b.index)

describe('forEach', () => {
  it('gives one result for each item, from processes that stay, which are gone at the end', async () => {
    const run = actOn(answers(20))
    const results = await all(run)
    expect(byIndex(results).map(({ index, item, value }) => [index, item.value, value?.value])).toEqual(
      answers(20).map(({ value }) => [value, value, value]),
    )
    const pids = new Set(results.map(({ pid }) => pid!))
    expect(pids.size).toBeLessThanOrEqual(2)
    expect([...pids].filter(isAlive)).toEqual([])
    expect(results[0]).toMatchObject({ state: 'succeeded', error: null, attempt: 1, attempts: 1, truncated: false })
    expect(results[0]!.value!.pid).toBe(results[0]!.pid)
    expect(await run.summary()).toMatchObject({ total: 20, failures: 0, complete: true })
  })

  it.each<[string, () => unknown]>([
    ['an array', () => answers(3)],
    ['a set', () => new Set(answers(3))],
    ['a generator', () => answers(3).values()],
    ['an async generator', () => asynchronous()],
    ['a function that ends with null', () => pullFrom(null)],
    ['a function that ends with undefined', () => pullFrom(undefined)],
    [
      'an asynchronous function',
      () => {
        const pull = pullFrom(null)
        return async () => pull()
      },
    ],
  ])('takes items from %s', async (_, items) => {
    const results = await all(actOn(items() as never))
    expect(byIndex(results).map(({ value }) => value?.value)).toEqual([0, 1, 2])
  })

  it('starts nothing when there is nothing, nor before somebody reads', async () => {
    const events: string[] = []
    const hooks = { release: () => events.push('release'), reacquire: () => events.push('reacquire') }
    const run = actOn([], hooks)
    expect(await all(run)).toEqual([])
    expect(await run.summary()).toMatchObject({ total: 0, workers: 0, complete: true })
    let pulled = 0
    actOn(() => {
      pulled += 1
      return null
    })
    expect([pulled, events]).toEqual([0, []])
    expect(() => run[Symbol.asyncIterator]()).toThrow(expect.objectContaining({ code: 'ERR_DROVER_CONSUMED' }))
  })

  it('tells what went wrong with an item, and goes on with the others', async () => {
    const acts = [
      { act: 'throw', value: 'luck' },
      { act: 'exit', value: 3 },
      { act: 'kill', value: 'SIGKILL' },
      { act: 'hang', value: 'well' },
      { act: 'spin' },
      { act: 'unsendable' },
      { act: 'answer', value: () => {} },
      { act: 'answer', value: 7 },
    ]
    const results = byIndex(await all(actOn(acts, { timeoutMs: 1_500 })))
    expect(results.map(({ state, error }) => [state, error?.code])).toEqual([
      ['failed', 'ERR_DROVER_HANDLER'],
      ['failed', 'ERR_DROVER_WORKER_DIED'],
      ['killed', 'ERR_DROVER_WORKER_DIED'],
      ['timed-out', 'ERR_DROVER_TIMEOUT'],
      ['timed-out', 'ERR_DROVER_TIMEOUT'],
      ['failed', 'ERR_DROVER_HANDLER'],
      ['invalid', 'ERR_DROVER_VALUE'],
      ['succeeded', undefined],
    ])
    expect(results[0]!.error!.remote).toMatchObject({ name: 'RangeError', message: 'no luck', code: 'E_NO' })
    expect([results[0]!.stderr, results[1]!.stderr, results[3]!.stdout]).toEqual([
      'about to throw luck\n',
      'about to exit 3\n',
      'hanging well\n',
    ])
    expect(results[1]!.error!.message).toContain('exit code 3')
  })

  it('keeps the ends of what is printed, with the true size', async () => {
    const text = `${'x'.repeat(5_000)}end`
    const [result] = await all(actOn([{ act: 'print', text }], { maxOutputBytes: 100 }))
    expect(result).toMatchObject({ truncated: true, stdoutBytes: 5_003, stderrBytes: 5_003 })
    expect(result!.stdout).toMatch(/^x{50}x{47}end$/)
    const [none] = await all(actOn([{ act: 'answer' }]))
    expect(none).toMatchObject({ stdout: '', stderr: '', stdoutBytes: 0, truncated: false })
  })

  it('keepOrder: in the order of the items, with a bound on what is kept for it', async () => {
    let pulled = 0
    function* slowFirst() {
      pulled += 1
      yield { act: 'wait', ms: 700, value: 0 }
      for (const { act, value } of answers(200).slice(1)) {
        pulled += 1
        yield { act, value }
      }
    }
    const seen: unknown[] = []
    for await (const { value } of actOn(slowFirst(), { keepOrder: true })) {
      if (seen.length === 0) expect(pulled).toBeLessThanOrEqual(2 * 16 + 3)
      seen.push(value?.value)
    }
    expect(seen).toEqual(Array.from({ length: 200 }, (_, n) => n))
  })

  it('pulls only as processes get free, and not while results wait to be read', async () => {
    let pulled = 0
    const run = actOn(() => {
      pulled += 1
      return pulled > 50 ? null : { act: 'answer', value: pulled }
    })
    const results = run[Symbol.asyncIterator]()
    await results.next()
    const before = pulled
    await until('all is done that may be', () => pulled >= 4)
    expect(before).toBeLessThanOrEqual(5)
    for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve))
    expect(pulled).toBeLessThanOrEqual(5)
    let read = 1
    while ((await results.next()).done !== true) read += 1
    expect(read).toBe(50)
  })

  it('a source that throws: what was pulled is finished, and then the loop rejects with that', async () => {
    function* bad() {
      yield* answers(3)
      throw new RangeError('the queue is gone')
    }
    const seen: ActResult[] = []
    const read = async () => {
      for await (const result of actOn(bad())) seen.push(result)
    }
    await expect(read()).rejects.toThrow(new RangeError('the queue is gone'))
    expect(byIndex(seen).map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'succeeded'])
    await expect(actOn(bad()).summary()).rejects.toThrow('the queue is gone')
    await expect(
      actOn(async () => {
        throw new Error('at once')
      }).summary(),
    ).rejects.toThrow('at once')
  })

  it('retries what did not succeed, in another process where need be', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-for-each-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const acts = [
      { act: 'once', word: join(folder, 'file'), value: 1 },
      { act: 'exit', value: 1 },
    ]
    const results = byIndex(await all(actOn(acts, { retries: 2, backoffMs: 1 })))
    expect(results.map(({ state, attempt, attempts }) => [state, attempt, attempts])).toEqual([
      ['succeeded', 2, 3],
      ['failed', 3, 3],
    ])
  })

  it('to pause one that is over does not keep the program alive', async () => {
    const run = actOn(answers(1))
    await run.summary()
    run.paused = true
    expect(run.paused).toBe(false)
  })

  it('to leave the loop early ends the processes, with what they had started, and closes the source', async () => {
    const word = uniqueSleep()
    let closed = false
    function* acts() {
      try {
        yield { act: 'leave', word, value: 0 }
        for (;;) yield { act: 'hang' }
      } finally {
        closed = true
      }
    }
    const pids: number[] = []
    for await (const { pid } of actOn(acts())) {
      pids.push(pid!)
      break
    }
    expect(closed).toBe(true)
    expect(pids.filter(isAlive)).toEqual([])
    expect(processesWith(word)).toEqual([])
  })

  it('a signal ends it: what is handled is cancelled, and the loop ends', async () => {
    const abort = new AbortController()
    const acts = [{ act: 'answer' }, { act: 'hang' }, { act: 'hang' }, { act: 'hang' }]
    const results: ActResult[] = []
    const run = actOn(acts, { signal: abort.signal })
    for await (const result of run) {
      results.push(result)
      abort.abort()
    }
    expect(results.slice(1).length).toBeLessThanOrEqual(2)
    for (const { state, error } of results.slice(1)) {
      expect(['cancelled', 'skipped']).toContain(state)
      expect(error!.code).toBe('ERR_DROVER_ABORTED')
    }
    expect((await run.summary()).complete).toBe(false)
    expect(await all(actOn(acts, { signal: AbortSignal.abort() }))).toEqual([])
  })

  it('halt soon: finishes what was pulled, also what the source is about to give', async () => {
    let give!: (item: { act: string }) => void
    let asked = 0
    const run = actOn(() => {
      asked += 1
      if (asked === 1) return { act: 'answer' }
      return new Promise((resolve) => {
        give = resolve
      })
    })
    const results: ActResult[] = []
    for await (const result of run) {
      results.push(result)
      if (results.length > 1) continue
      run.halt('soon')
      give({ act: 'answer' })
    }
    expect(results.map(({ state }) => state)).toEqual(['succeeded', 'succeeded'])
    expect(asked).toBe(2)
  })

  it('halted before it is begun, it does nothing', async () => {
    for (const when of ['soon', 'now'] as const) {
      const run = actOn(answers(3))
      run.halt(when)
      expect(await all(run)).toEqual([])
      expect(await run.summary()).toMatchObject({ total: 0, workers: 0, complete: false })
    }
  })

  it('no process can be started: the item tells it, and the loop rejects with the reason', async () => {
    const seen: ActResult[] = []
    const read = async () => {
      const run = actOn(answers(100), { env: { SETUP_THROWS: 'no database' }, startBackoffMs: 1 })
      for await (const result of run) seen.push(result)
    }
    await expect(read()).rejects.toMatchObject({ name: 'WorkerError', code: 'ERR_DROVER_WORKER_START' })
    expect(seen.length).toBeLessThanOrEqual(4)
    for (const { state, error } of seen) {
      expect(state).toBe('spawn-failed')
      expect(error!.message).toContain('no database')
    }
    const missing = new URL('./programs/missing.mjs', import.meta.url)
    await expect(forEach([1], missing, { startBackoffMs: 1 }).summary()).rejects.toThrow(
      /Cannot find module .*missing\.mjs/,
    )
  })

  it.each<[string, unknown, unknown, unknown]>([
    ['items: expected an array', 'text', ACTING, {}],
    ['items: expected an array', 3, ACTING, {}],
    ['call it', function* () {}, ACTING, {}],
    ['handler: expected the URL', [], './user.js', {}],
    ['a file: URL', [], new URL('https://example.org/user.js'), {}],
    ['concurrency: expected', [], ACTING, { concurrency: 0 }],
    ['concurrency: expected', [], ACTING, { concurrency: Number.POSITIVE_INFINITY }],
    ['there is no option "concurency"', [], ACTING, { concurency: 2 }],
    ['timeoutMs', [], ACTING, { timeoutMs: -1 }],
    ['output: expected one of', [], ACTING, { output: 'loud' }],
    ['release: expected a function', [], ACTING, { release: true }],
    ['signal: expected', [], ACTING, { signal: {} }],
  ])('refuses what cannot be: %s', (message, items, handler, options) => {
    expect(() => forEach(items as never, handler as never, options as never)).toThrow(message)
  })
})

async function* asynchronous() {
  yield* answers(3)
}

function pullFrom(end: null | undefined) {
  const left = answers(3)
  return () => left.shift() ?? end
}
