import fc from 'fast-check'
import { expect, it } from 'vitest'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import type { Act } from './programs/acting.mjs'
import { type ActResult, actOn, mostAtOnce } from './support.js'

/** What an item does, and in which states it may end. */
interface Played extends Act {
  readonly states: readonly string[]
}

const behaviour: fc.Arbitrary<Played> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ act: 'answer', states: ['succeeded'] }) },
  { weight: 1, arbitrary: fc.constant({ act: 'throw', states: ['failed'] }) },
  { weight: 1, arbitrary: fc.nat(3).map((value) => ({ act: 'exit', value, states: ['failed'] })) },
  { weight: 1, arbitrary: fc.constant({ act: 'kill', value: 'SIGKILL', states: ['killed'] }) },
  { weight: 1, arbitrary: fc.constant({ act: 'hang', states: ['timed-out'] }) },
  { weight: 1, arbitrary: fc.constant({ act: 'leak', bytes: 20e6, states: ['succeeded'] }) },
  { weight: 1, arbitrary: fc.constant({ act: 'print', text: 'x'.repeat(9_000), states: ['succeeded'] }) },
  { weight: 1, arbitrary: fc.constant({ act: 'unsendable', states: ['failed'] }) },
)

const scenario = fc.record({
  items: fc.array(behaviour, { maxLength: 14 }),
  source: fc.constantFrom<'generator' | 'async' | 'function'>('generator', 'async', 'function'),
  throwsAtEnd: fc.boolean(),
  concurrency: fc.integer({ min: 1, max: 3 }),
  later: fc.option(fc.integer({ min: 1, max: 3 }), { nil: null }),
  keepOrder: fc.boolean(),
  retries: fc.constantFrom(0, 0, 1),
  maxRequests: fc.constantFrom(0, 0, 2),
  ends: fc.constantFrom<'never' | 'break' | 'abort' | 'halt'>('never', 'never', 'break', 'abort', 'halt'),
  endsAfter: fc.nat(6),
})

it('each item that is pulled gets exactly one result, whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async (played) => {
      const word = uniqueSleep()
      const pulled: number[] = []
      const abort = new AbortController()
      const mistake = new Error('the source is gone')
      const most = Math.max(played.concurrency, played.later ?? 1)
      const results: ActResult[] = []
      let inHand = 0

      const take = (n: number): Act => {
        pulled.push(n)
        inHand += 1
        const { states, ...act } = played.items[n]!
        return act
      }
      function* generator() {
        for (let n = 0; n < played.items.length; n++) yield take(n)
        if (played.throwsAtEnd) throw mistake
      }
      async function* asynchronous() {
        yield* generator()
      }
      const one = generator()
      const pull = () => {
        const step = one.next()
        return step.done ? null : step.value
      }
      const items = { generator, async: asynchronous, function: () => pull }[played.source]()

      const told: number[] = []
      const run = actOn(items, {
        concurrency: played.concurrency,
        keepOrder: played.keepOrder,
        retries: played.retries,
        maxRequests: played.maxRequests,
        backoffMs: 5,
        timeoutMs: 2_000,
        env: { WORD: word },
        execArgv: [`--title=w${word}`],
        signal: abort.signal,
        onResult: ({ index }) => {
          told.push(index)
          expect(inHand).toBeLessThanOrEqual(2 * most * (played.keepOrder ? 16 : 1) + 1)
        },
      })
      let failure: unknown = null
      try {
        for await (const result of run) {
          results.push(result)
          inHand -= 1
          if (played.later !== null && results.length === 2) run.concurrency = played.later
          if (results.length - 1 < played.endsAfter) continue
          if (played.ends === 'break') break
          if (played.ends === 'abort') abort.abort()
          if (played.ends === 'halt') run.halt('soon')
        }
      } catch (error) {
        failure = error
      }
      // Who left is told here what the source threw meanwhile.
      const summary = await run.summary().catch((error) => {
        expect([played.ends, error]).toEqual(['break', mistake])
      })

      // One for each, told once before it is read; those who leave do not read all.
      expect([...told].sort((a, b) => a - b)).toEqual(pulled)
      if (summary !== undefined) {
        expect(summary.total).toBe(pulled.length)
        expect(Object.values(summary.byState).reduce((sum, count) => sum + count, 0)).toBe(pulled.length)
      }
      const indexes = results.map(({ index }) => index)
      expect(new Set(indexes).size).toBe(indexes.length)
      if (played.ends !== 'break') expect(results.length).toBe(pulled.length)
      if (played.keepOrder) expect(indexes).toEqual([...indexes].sort((a, b) => a - b))
      for (const { index, state, error, value } of results) {
        const { states } = played.items[index]!
        const mayEndEarly = played.ends === 'abort' ? ['cancelled', 'skipped'] : []
        expect([...states, ...mayEndEarly]).toContain(state)
        expect(error === null).toBe(state === 'succeeded')
        expect(value !== undefined).toBe(state === 'succeeded')
      }
      expect(mostAtOnce(results)).toBeLessThanOrEqual(most)
      if (failure !== null) expect(failure).toBe(mistake)
      if (played.ends === 'never') {
        expect(failure).toBe(played.throwsAtEnd ? mistake : null)
        expect(pulled.length).toBe(played.items.length)
        expect(summary!.complete).toBe(!played.throwsAtEnd)
      }
      expect(processesWith(word)).toEqual([])
    }),
    { numRuns: 25, endOnFailure: true },
  )
}, 180_000)
