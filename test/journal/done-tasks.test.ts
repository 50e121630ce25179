import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DoneTasks } from '../../src/journal/done-tasks.js'
import { contentKey, KeyCounter } from '../../src/task/key.js'
import { RESULT_STATES, type ResultState } from '../../src/task/result.js'

const state = fc.constantFrom<ResultState>(...RESULT_STATES)
const key = (n: number | string) => contentKey({ command: `task ${n}` })

describe('DoneTasks', () => {
  it('knows the newest state of every task, as a Map does', () => {
    const notes = fc.array(fc.record({ id: fc.constantFrom(null, 'a', 'b'), n: fc.nat(8), state }), { maxLength: 60 })
    fc.assert(
      fc.property(notes, (given) => {
        const done = new DoneTasks()
        const map = new Map<string, ResultState>()
        for (const { id, n, state } of given) {
          // An id stands for one content here.
          const own = key(id ?? n)
          done.note({ id, key: own, state })
          map.set(`${id} ${own}`, state)
        }
        expect(done.size).toBe(map.size)
        for (let n = 0; n <= 8; n++) expect(done.lookUp(null, key(n))).toBe(map.get(`null ${key(n)}`) ?? 'unknown')
        for (const id of ['a', 'b']) expect(done.lookUp(id, key(id))).toBe(map.get(`${id} ${key(id)}`) ?? 'unknown')
      }),
    )
  })

  it.each(RESULT_STATES)('gives back %s, by key and by id', (each) => {
    const done = new DoneTasks()
    done.note({ id: null, key: key(1), state: each })
    done.note({ id: 'a', key: key(2), state: each })
    expect(done.lookUp(null, key(1))).toBe(each)
    expect(done.lookUp('a', key(2))).toBe(each)
  })

  it('tells repeats of the same content apart', () => {
    const done = new DoneTasks()
    const keys = new KeyCounter()
    const [first, second, third] = Array.from({ length: 3 }, () => keys.keyOf({ command: 'same' }))
    done.note({ id: null, key: first!, state: 'succeeded' })
    done.note({ id: null, key: second!, state: 'failed' })
    expect([first, second, third].map((each) => done.lookUp(null, each!))).toEqual(['succeeded', 'failed', 'unknown'])
  })

  it('takes an id, a key and a name that looks like one of them for different tasks', () => {
    const done = new DoneTasks()
    done.note({ id: 'a', key: key(1), state: 'succeeded' })
    expect(done.lookUp(null, key(1))).toBe('unknown')
    expect(done.lookUp(key(1), key(1))).toBe('unknown')
    expect(done.lookUp('-1 a', key(1))).toBe('unknown')
    expect(done.lookUp('a', `${key(1)}-1`)).toBe('unknown')
  })

  it('shows that another task has come under an id, until that one is noted', () => {
    const done = new DoneTasks()
    done.note({ id: 'a', key: key(1), state: 'succeeded' })
    expect(done.lookUp('a', key(2))).toBe('changed')
    done.note({ id: 'a', key: key(2), state: 'failed' })
    expect(done.lookUp('a', key(2))).toBe('failed')
    expect(done.lookUp('a', key(1))).toBe('changed')
  })

  it('does not take a task that was refused for the one that was done', () => {
    const done = new DoneTasks()
    done.note({ id: 'a', key: key(1), state: 'succeeded' })
    done.note({ id: 'a', key: key(2), state: 'invalid' })
    expect(done.lookUp('a', key(2))).toBe('changed')
    expect(done.lookUp('a', key(1))).toBe('succeeded')
    done.note({ id: 'a', key: key(1), state: 'invalid' })
    expect(done.lookUp('a', key(1))).toBe('invalid')
  })

  it('knows nothing of results without a key', () => {
    const done = new DoneTasks()
    done.note({ id: 'a', key: null, state: 'invalid' })
    expect(done.size).toBe(0)
    expect(done.lookUp('a', key(1))).toBe('unknown')
  })
})
