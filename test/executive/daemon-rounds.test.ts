import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { type DaemonOptions, type DaemonRound, daemon, type ItemResult } from '../../dist/index.js'
import { RoundClock } from '../../src/executive/round-clock.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import type { Act, Done } from './programs/acting.mjs'
import { ACTING, type ActingModule, answers } from './support.js'

const play = (options: Partial<DaemonOptions<Act, Done>>) =>
  daemon<ActingModule>({
    ...{ queue: () => answers(2), handler: ACTING, intervalMs: 0, concurrency: 2, killGraceMs: 200, signals: false },
    ...options,
  })

describe('the times of rounds', () => {
  it('are the beginning and whole intervals after it, however late each is', () => {
    const clock = new RoundClock(100, 1_000)
    const begun: number[] = []
    for (let n = 1, now = 1_000; n <= 1_000; n++) {
      now += 40
      now = clock.nextDueMs(now) + (n % 7)
      begun.push(now - (n % 7))
      expect(clock.begin(now)).toBe(0)
    }
    expect(begun).toEqual(Array.from({ length: 1_000 }, (_, n) => 1_100 + 100 * n))
  })

  it('one that takes longer is followed at the next regular time, and what was missed is counted, not made up for', () => {
    const clock = new RoundClock(100, 0)
    expect(clock.nextDueMs(350)).toBe(400)
    expect(clock.begin(401)).toBe(3)
    expect(clock.nextDueMs(410)).toBe(500)
    expect(clock.begin(500)).toBe(0)
    // It ended at the very time of the next one.
    expect(clock.nextDueMs(600)).toBe(600)
    expect(clock.begin(600)).toBe(0)
    // The process was stopped while it waited.
    expect(clock.nextDueMs(610)).toBe(700)
    expect(clock.begin(1_050)).toBe(3)
    expect(clock.nextDueMs(1_051)).toBe(1_100)
  })

  it('fractions of milliseconds add up to no round too many', () => {
    const clock = new RoundClock(0.1, 1e9 / 3)
    let now = 1e9 / 3
    let rounds = 0
    let missed = 0
    let tooEarly = 0
    for (; rounds < 100_000; rounds++) {
      const due = clock.nextDueMs(now)
      if (due < now) tooEarly += 1
      now = due
      missed += clock.begin(now)
    }
    expect(tooEarly).toBe(0)
    expect(rounds + missed).toBeCloseTo((now - 1e9 / 3) / 0.1, 0)
  })

  it('without an interval the next one is due at once', () => {
    const clock = new RoundClock(0, 5)
    expect([clock.nextDueMs(7), clock.begin(7), clock.nextDueMs(7)]).toEqual([7, 0, 7])
  })
})

describe('daemon', () => {
  it('waits from beginning to beginning, without drift', async () => {
    const start = performance.now()
    const begun: number[] = []
    const queue = async () => {
      begun.push(performance.now())
      await new Promise((resolve) => setTimeout(resolve, 15))
      return null
    }
    const summary = await play({ queue, intervalMs: 40, stop: ({ round }) => round === 10 })
    // Whatever each was late by, and however many were missed, it is never early.
    for (const [n, time] of begun.entries()) expect(time - start).toBeGreaterThanOrEqual(n * 40)
    expect(summary).toMatchObject({ rounds: 10, total: 0, endedBy: 'stop' })
  })

  it('takes what forEach takes, a promise of it, or nothing', async () => {
    const queues: unknown[] = [answers(2), new Set(answers(2)), Promise.resolve(answers(2)), null, undefined, []]
    queues.push(pull(2), answers(2).values())
    const rounds: number[] = []
    const { total } = await play({
      queue: () => queues.shift() as never,
      onRound: (round) => rounds.push(round.total),
      stop: () => queues.length === 0,
    })
    expect([total, rounds]).toEqual([10, [2, 2, 2, 0, 0, 0, 2, 2]])
  })

  it('tells each round, with its counts', async () => {
    const rounds: DaemonRound[] = []
    const queue = () => [{ act: 'answer' }, { act: 'throw' }]
    await play({ queue, onRound: (round) => rounds.push(round), stop: ({ round }) => round === 2 })
    expect(
      rounds.map(({ round, total, failures, complete, error }) => [round, total, failures, complete, error]),
    ).toEqual([
      [1, 2, 1, true, null],
      [2, 2, 1, true, null],
    ])
    expect(rounds[0]!.byState).toMatchObject({ succeeded: 1, failed: 1 })
  })

  it('calls the hooks around each round that has items', async () => {
    const events: string[] = []
    let round = 0
    const note = (event: string) => () => events.push(`${event} ${round}`)
    const queue = () => {
      round += 1
      return round === 2 ? [] : answers(1)
    }
    for (const keepWorkers of [false, true]) {
      events.length = round = 0
      await play({
        queue,
        keepWorkers,
        release: note('release'),
        reacquire: note('reacquire'),
        stop: () => round === 3,
      })
      expect(events).toEqual(['release 1', 'reacquire 1', 'release 3', 'reacquire 3'])
    }
  })

  it('a queue that throws ends it, or is told to onError, and the next round follows', async () => {
    let asked = 0
    const queue = () => {
      asked += 1
      if (asked === 1) throw new Error('no connection')
      if (asked === 2) return Promise.reject(new Error('no answer'))
      return asked === 3 ? broken() : answers(1)
    }
    await expect(play({ queue })).rejects.toThrow('no connection')
    asked = 0
    const errors: string[] = []
    const rounds: unknown[] = []
    const summary = await play({
      queue,
      onError: (error) => errors.push((error as Error).message),
      onRound: ({ error, total }) => rounds.push([(error as Error | null)?.message ?? null, total]),
      stop: () => asked === 4,
    })
    expect(errors).toEqual(['no connection', 'no answer', 'half of it'])
    expect(rounds).toEqual([
      ['no connection', 0],
      ['no answer', 0],
      ['half of it', 1],
      [null, 1],
    ])
    expect(summary).toMatchObject({ rounds: 4, total: 2 })
  })

  it.each(['stop', 'onRound', 'onError'] as const)('what %s throws ends it', async (name) => {
    const fails = () => {
      throw new Error(`no ${name}`)
    }
    const queue = name === 'onError' ? { queue: fails } : {}
    await expect(play({ ...queue, [name]: fails })).rejects.toThrow(`no ${name}`)
  })

  it('an AbortSignal ends it at once, with what is being handled', async () => {
    const abort = new AbortController()
    const states: string[] = []
    const summary = await play({
      queue: () => [{ act: 'answer' }, { act: 'hang' }, { act: 'hang' }],
      signal: abort.signal,
      onResult: ({ state }) => {
        states.push(state)
        abort.abort()
      },
    })
    expect(summary).toMatchObject({ endedBy: 'abort', rounds: 1 })
    expect(states[0]).toBe('succeeded')
    for (const state of states.slice(1)) expect(['cancelled', 'skipped']).toContain(state)
    expect(await play({ signal: AbortSignal.abort() })).toMatchObject({ endedBy: 'abort', rounds: 0 })
  })

  it.each<[string, Record<string, unknown>]>([
    ['queue: expected a function', { queue: [] }],
    ['handler: expected the URL', { handler: './user.js' }],
    ['intervalMs: expected', { intervalMs: undefined }],
    ['intervalMs: expected', { intervalMs: -1 }],
    ['there is no option "interval"', { interval: 3 }],
    ['ifLocked: expected one of', { ifLocked: 'wait' }],
    ['lock: expected the path', { lock: '' }],
    ['pidFile: expected another file', { lock: 'a', pidFile: './a' }],
    ['onRound: expected a function', { onRound: 3 }],
    ['concurrency: expected', { concurrency: 0 }],
  ])('refuses what cannot be: %s', async (message, options) => {
    await expect(play(options as never)).rejects.toThrow(message)
  })

  it('has the types of the module', () => {
    void (() =>
      daemon<ActingModule>({
        queue: () => [{ act: 'answer' }],
        handler: ACTING,
        intervalMs: 1,
        onResult: (result) => expectTypeOf(result).toEqualTypeOf<ItemResult<Act, Done>>(),
      }))
    // @ts-expect-error: these are no items of that module
    void (() => daemon<ActingModule>({ queue: () => ['text'], handler: ACTING, intervalMs: 1 }))
    expect(typeof daemon).toBe('function')
  })
})

describe('300 rounds', () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const descriptors = () => readdirSync('/proc/self/fd').length
  const listeners = () => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
  const collect = async () => {
    for (let n = 0; n < 4; n++) {
      await new Promise((resolve) => setImmediate(resolve))
      gc()
    }
  }

  it('leave memory, descriptors, listeners and processes as they were', async () => {
    const word = uniqueSleep()
    const seen: { heap: number; external: number; descriptors: number; listeners: number; processes: number }[] = []
    const abort = new AbortController()
    await play({
      queue: () => answers(3),
      concurrency: 1,
      keepWorkers: true,
      signals: true,
      maxRequests: 90,
      signal: abort.signal,
      execArgv: [`--title=w${word}`],
      onRound: async ({ round }) => {
        if (round % 50 !== 0) return
        await collect()
        const { heapUsed, external } = process.memoryUsage()
        const processes = processesWith('acting.mjs').filter((pid) => processesWith(word).includes(pid)).length
        seen.push({ heap: heapUsed, external, descriptors: descriptors(), listeners: listeners(), processes })
      },
      stop: ({ round }) => round === 300,
    })
    const [first, last] = [seen[1]!, seen.at(-1)!]
    expect(seen).toHaveLength(6)
    expect(last.descriptors).toBeLessThanOrEqual(first.descriptors + 2)
    expect(last.listeners).toBe(first.listeners)
    expect(Math.max(...seen.map(({ processes }) => processes))).toBeLessThanOrEqual(2)
    expect(last.heap - first.heap).toBeLessThan(4e6)
    expect(last.external - first.external).toBeLessThan(4e6)
    expect(processesWith(word)).toEqual([])
  })
})

function pull(count: number) {
  const left = answers(count)
  return () => left.shift()
}

function* broken() {
  yield { act: 'answer' }
  throw new Error('half of it')
}
