import { describe, expect, it } from 'vitest'
import { TaskSource, type Tasks } from '../../src/dispatch/task-source.js'

/** A source whose events are noted. */
const open = (tasks: Tasks) => {
  const events: string[] = []
  const source = new TaskSource(tasks, {
    onTask: (task) => events.push(`task ${task.command}`),
    onInvalid: ({ id, invalid }) => events.push(`invalid ${id ?? ''} ${invalid.message}`),
    onEnd: () => events.push('end'),
    onError: (error) => events.push(`error ${(error as Error).message}`),
  })
  return { source, events }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('TaskSource', () => {
  it('pulls one at a time and tells a synchronous one at once', () => {
    const { source, events } = open(['a', { command: 'b' }])
    expect(events).toEqual([])
    source.pull()
    expect(events).toEqual(['task a'])
    source.pull()
    source.pull()
    source.pull()
    expect(events).toEqual(['task a', 'task b', 'end'])
    expect(source.ended).toBe(true)
  })

  it('does not ask an asynchronous one again before it has answered', async () => {
    let asked = 0
    const { source, events } = open({
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          asked += 1
          await turn()
          return asked > 2 ? { done: true, value: undefined } : { done: false, value: `${asked}` }
        },
      }),
    })
    for (let n = 0; n < 5; n++) source.pull()
    expect(asked).toBe(1)
    for (let n = 0; n < 8; n++) {
      await turn()
      source.pull()
    }
    expect(events).toEqual(['task 1', 'task 2', 'end'])
  })

  it('takes promises of every make', async () => {
    // biome-ignore lint/suspicious/noThenProperty: that is the case
    const thenable = { then: (resolve: (step: unknown) => void) => resolve({ done: true, value: undefined }) }
    const { source, events } = open({ [Symbol.asyncIterator]: () => ({ next: () => thenable as never }) })
    source.pull()
    await turn()
    expect(events).toEqual(['end'])
  })

  it('tells what a source throws, and asks it no more', async () => {
    const failing = [
      (function* () {
        yield 'a'
        throw new Error('broken')
      })(),
      (async function* () {
        yield 'a'
        throw new Error('broken')
      })(),
    ]
    for (const tasks of failing) {
      const { source, events } = open(tasks)
      for (let n = 0; n < 4; n++) {
        source.pull()
        await turn()
      }
      expect(events).toEqual(['task a', 'error broken'])
    }
  })

  it('tells what cannot be a task, and goes on', () => {
    const bad = [null, 5, {}, { command: 'a', weight: 0 }, '', undefined]
    const { source, events } = open([...bad, 'b'] as never)
    for (let n = 0; n < 8; n++) source.pull()
    expect(events).toHaveLength(8)
    expect(events.slice(0, 6).every((event) => /^invalid .*expected/.test(event))).toBe(true)
    expect(events.slice(6)).toEqual(['task b', 'end'])
  })

  it('keeps the id of what cannot be a task', () => {
    const { source, events } = open([{ id: 'x', command: 'a', weight: 0 }])
    source.pull()
    expect(events[0]).toMatch(/^invalid x /)
  })

  it('hands on what was found to be invalid before', () => {
    const { source, events } = open([{ id: 'x', invalid: { code: 'ERR_DROVER_INPUT', message: 'line 3' } }])
    source.pull()
    expect(events).toEqual(['invalid x line 3'])
  })

  it('lets a source clean up when it is closed, and takes nothing more', async () => {
    let cleaned = 0
    const { source, events } = open(
      (function* () {
        try {
          yield 'a'
          yield 'b'
        } finally {
          cleaned += 1
        }
      })(),
    )
    source.pull()
    source.close()
    source.close()
    source.pull()
    expect(cleaned).toBe(1)
    expect(events).toEqual(['task a'])
    expect(source.ended).toBe(true)
  })

  it('does not take a task that was on its way when it was closed', async () => {
    const { source, events } = open(
      (async function* () {
        await turn()
        yield 'a'
      })(),
    )
    source.pull()
    source.close()
    await turn()
    await turn()
    expect(events).toEqual([])
  })

  it('does not mind what a source throws while it is closed', async () => {
    const sync = open(
      (function* () {
        try {
          yield 'a'
        } finally {
          // biome-ignore lint/correctness/noUnsafeFinally: that is the case
          throw new Error('broken')
        }
      })(),
    )
    sync.source.pull()
    expect(() => sync.source.close()).not.toThrow()
    const rejecting = {
      next: async () => ({ done: false, value: 'a' }),
      return: () => Promise.reject(new Error('broken')),
    }
    const async = open({ [Symbol.asyncIterator]: () => rejecting } as never)
    async.source.pull()
    await turn()
    async.source.close()
    await turn()
    expect(async.events).toEqual(['task a'])
  })
})
