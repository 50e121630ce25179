import { describe, expect, it, onTestFinished } from 'vitest'
import { Dispatcher, dispatch, OptionError, ProcessPool, type Result } from '../../src/index.js'
import { until } from '../helpers/until.js'

const WORKER =
  'while read -r x; do case $x in die) exit 3;; kill) kill -9 $$;; hang) sleep 100;; esac; echo "<$x>"; done'

function shellPool(options: object = {}): ProcessPool {
  const pool = new ProcessPool(WORKER, { protocol: 'lines', max: 2, killGraceMs: 100, ...options })
  onTestFinished(() => pool.destroy({ graceMs: 0 }))
  return pool
}

async function all(run: AsyncIterable<Result>): Promise<Result[]> {
  const results: Result[] = []
  for await (const result of run) results.push(result)
  return results.sort((a, b) => a.index - b.index)
}

describe('dispatch() with a pool', () => {
  it('sends strings as messages, and what tasks have as stdin', async () => {
    const pool = shellPool()
    const tasks = ['one', { id: 'second', ...pool.program, stdin: 'two', meta: { n: 2 } }]
    const results = await all(dispatch(tasks, { pool, keys: true }))
    expect(results).toMatchObject([
      { id: null, index: 0, state: 'succeeded', value: '<one>', command: WORKER, args: null, attempt: 1, error: null },
      { id: 'second', index: 1, state: 'succeeded', value: '<two>', meta: { n: 2 } },
    ])
    expect(results[0]!.pid).toBeGreaterThan(0)
    expect(results[0]!.durationMs).toBeGreaterThan(0)
    expect(results[0]!.key).not.toBe(results[1]!.key)
  })

  it('tells how each message ended', async () => {
    const pool = shellPool()
    const results = await all(dispatch(['fine', 'die', 'kill', 'hang', 'two\nlines'], { pool, timeoutMs: 400 }))
    expect(results).toMatchObject([
      { state: 'succeeded', value: '<fine>' },
      { state: 'failed', exitCode: 3, error: { code: 'ERR_DROVER_WORKER_DIED' } },
      { state: 'killed', signal: 'SIGKILL', error: { code: 'ERR_DROVER_WORKER_DIED' } },
      { state: 'timed-out', error: { code: 'ERR_DROVER_TIMEOUT' } },
      { state: 'invalid', error: { code: 'ERR_DROVER_OPTION' } },
    ])
  })

  it('tries again as often as it is told', async () => {
    const pool = shellPool()
    const attempts: number[] = []
    const run = dispatch(['die'], {
      pool,
      retries: 2,
      backoffMs: 1,
      onAttempt: ({ attempt }) => void attempts.push(attempt),
    })
    expect(await all(run)).toMatchObject([{ state: 'failed', attempt: 3, attempts: 3 }])
    expect(attempts).toEqual([1, 2])
  })

  it('cancels what is under way when it is halted, and leaves the pool to its owner', async () => {
    const pool = shellPool()
    const run = dispatch(['hang', 'fine'], { pool, concurrency: 1 })
    const results = all(run)
    await until('it runs', () => pool.stats().inFlight === 1)
    run.halt('now')
    expect(await results).toMatchObject([{ state: 'cancelled' }, { state: 'skipped' }])
    expect(await pool.request('again')).toMatchObject({ value: '<again>' })
  })

  it('gives messages that a function makes of tasks', async () => {
    const pool = shellPool()
    const run = dispatch(['x'], { pool, messageOf: (task) => `made of ${task.stdin}` })
    expect(await all(run)).toMatchObject([{ value: '<made of x>' }])
  })

  it('gives bytes where both are asked for them', async () => {
    const pool = new ProcessPool<Buffer>('cat', { protocol: 'lines', max: 1, encoding: 'buffer' })
    onTestFinished(() => pool.destroy({ graceMs: 0 }))
    const task = { ...pool.program, stdin: Buffer.from([0xff, 0x41]) }
    const [result] = await all(dispatch([task], { pool, encoding: 'buffer' }))
    expect(result!.value).toEqual(Buffer.from([0xff, 0x41]))
  })

  it('is what a Dispatcher can have too', async () => {
    const dispatcher = new Dispatcher({ pool: shellPool(), keepFinished: true })
    void dispatcher.add({ command: 'any', stdin: 'a' })
    await dispatcher.dispatch()
    expect(dispatcher.finished).toMatchObject([{ state: 'succeeded', value: '<a>' }])
    await dispatcher.close()
  })

  it('refuses options that have no meaning then', () => {
    expect(() => dispatch([], { pool: shellPool(), leftovers: 'keep' })).toThrow(OptionError)
    expect(() => dispatch([], { pool: 5 as never })).toThrow('pool: expected a ProcessPool')
    expect(() => dispatch([], { messageOf: () => 1 })).toThrow('messageOf')
  })
})
