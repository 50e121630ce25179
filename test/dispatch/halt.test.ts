import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HaltCounter, parseHalt } from '../../src/dispatch/halt.js'
import { OptionError } from '../../src/task/errors.js'
import type { ResultState } from '../../src/task/result.js'

const when = fc.constantFrom('now' as const, 'soon' as const)
const what = fc.constantFrom('fail' as const, 'success' as const, 'done' as const)

describe('parseHalt', () => {
  it('reads GNU parallel words', () => {
    expect(parseHalt('never')).toBeNull()
    expect(parseHalt('now,fail=1')).toEqual({ when: 'now', what: 'fail', count: 1, percent: false })
    expect(parseHalt('soon,fail=20%')).toEqual({ when: 'soon', what: 'fail', count: 20, percent: true })
    expect(parseHalt('soon,done=100%')).toEqual({ when: 'soon', what: 'done', count: 100, percent: true })
    fc.assert(
      fc.property(when, what, fc.integer({ min: 1, max: 100 }), fc.boolean(), (when, what, count, percent) => {
        expect(parseHalt(`${when},${what}=${count}${percent ? '%' : ''}`)).toEqual({ when, what, count, percent })
      }),
    )
  })

  it.each([
    '',
    'Never',
    'now',
    'now,fail',
    'now,fail=',
    'now,fail=0',
    'now,fail=-1',
    'now,fail=1.5',
    'now,fail=0%',
    'now,fail=101%',
    'now,fail=1%%',
    'now, fail=1',
    'now,fail=1 ',
    'now,fail=one',
    'later,fail=1',
    'now,failed=1',
    'now,fail=1,soon',
    'never,fail=1',
    'now,fail=1e3',
    'now,fail=1\n',
  ])('refuses %j and says what was expected', (words) => {
    expect(() => parseHalt(words)).toThrow(OptionError)
    expect(() => parseHalt(words)).toThrow(/expected never, or now or soon/)
  })
})

describe('HaltCounter', () => {
  const counterOf = (words: string, states: ResultState[]) => {
    const counter = new HaltCounter(parseHalt(words))
    for (const state of states) counter.count(state)
    return counter
  }

  it('is met when so many have failed, succeeded, or either', () => {
    const met = (words: string, ...states: ResultState[]) => counterOf(words, states).met(10) !== null
    expect(met('now,fail=2', 'failed', 'succeeded')).toBe(false)
    expect(met('now,fail=2', 'failed', 'succeeded', 'timed-out')).toBe(true)
    expect(met('now,success=2', 'succeeded', 'failed')).toBe(false)
    expect(met('now,success=2', 'succeeded', 'succeeded')).toBe(true)
    expect(met('now,done=2', 'succeeded')).toBe(false)
    expect(met('now,done=2', 'succeeded', 'killed')).toBe(true)
    expect(met('never', 'failed', 'failed')).toBe(false)
  })

  it.each<ResultState>(['failed', 'timed-out', 'killed', 'spawn-failed', 'lost', 'invalid'])(
    'takes %s for a failure',
    (state) => {
      expect(counterOf('soon,fail=1', [state]).met(1)).toMatchObject({ when: 'soon' })
      expect(counterOf('soon,success=1', [state]).met(1)).toBeNull()
    },
  )

  it.each<ResultState>(['cancelled', 'skipped'])('does not count %s, which was our doing', (state) => {
    for (const what of ['fail', 'success', 'done']) expect(counterOf(`now,${what}=1`, [state]).met(1)).toBeNull()
  })

  it('judges a percentage of all tasks, once it is known how many there are', () => {
    const counter = counterOf('now,fail=20%', ['failed'])
    expect(counter.met(null)).toBeNull()
    expect(counter.met(6)).toBeNull()
    expect(counter.met(5)).not.toBeNull()
    expect(counterOf('now,fail=50%', []).met(0)).toBeNull()
  })
})
