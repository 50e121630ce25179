import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GATHER_MS, Gathering } from '../../src/fleet/gathering.js'
import { Prefetch } from '../../src/fleet/prefetch.js'

describe('results that go to the server together', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const waiter = (gathering: Gathering, log: string[], name: string) => {
    const turn = gathering.turn()
    if (turn === null) log.push(name)
    else void turn.then(() => log.push(name))
  }

  it('go at once while somebody waits for the next task, with those that were gathered', async () => {
    let mayWait = true
    const log: string[] = []
    const gathering = new Gathering(() => mayWait)
    waiter(gathering, log, 'a')
    await vi.advanceTimersByTimeAsync(GATHER_MS - 1)
    expect(log).toEqual([])
    mayWait = false
    waiter(gathering, log, 'b')
    await vi.advanceTimersByTimeAsync(0)
    expect(log.sort()).toEqual(['a', 'b'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('go after a while, and when there are many', async () => {
    const log: string[] = []
    const gathering = new Gathering(() => true)
    waiter(gathering, log, 'alone')
    await vi.advanceTimersByTimeAsync(GATHER_MS)
    expect(log).toEqual(['alone'])
    for (let n = 0; n < 70; n++) waiter(gathering, log, String(n))
    await vi.advanceTimersByTimeAsync(0)
    expect(log.length).toBe(1 + 64)
    await vi.advanceTimersByTimeAsync(GATHER_MS)
    expect(log.length).toBe(1 + 70)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('how many tasks are taken ahead', () => {
  it('is none until tasks are known to be short, and none again when they are not', () => {
    const prefetch = new Prefetch(true)
    expect(prefetch.ahead(4)).toBe(0)
    prefetch.note(2)
    expect(prefetch.ahead(4)).toBeGreaterThanOrEqual(4)
    for (let n = 0; n < 10; n++) prefetch.note(1_000)
    expect(prefetch.ahead(4)).toBe(0)
    prefetch.note(1)
    expect(prefetch.isStopped).toBe(false)
    prefetch.stop()
    expect(prefetch.ahead(4)).toBe(0)
    expect(prefetch.isStopped).toBe(true)
  })

  it('is the same while durations are about the same', () => {
    const prefetch = new Prefetch(true)
    for (let n = 0; n < 100; n++) prefetch.note(3)
    const before = prefetch.ahead(8)
    for (let n = 0; n < 100; n++) {
      prefetch.note(n % 2 === 0 ? 2.5 : 3.5)
      expect(prefetch.ahead(8)).toBe(before)
    }
  })
})
