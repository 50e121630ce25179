import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { ProcessPool } from '../../dist/index.js'
import { BusyPoll } from '../../src/pool/busy-poll.js'

describe('looking for a message in place of sleeping', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const isLooking = () => vi.getTimerCount() > 0
  /** Turns of the event loop until nothing looks any more, each of a tenth of a millisecond. */
  const turnsUntilAsleep = () => {
    let turns = 0
    for (; isLooking() && turns < 1_000; turns++) {
      vi.advanceTimersByTime(0.1)
      vi.advanceTimersToNextTimer()
    }
    return turns
  }

  it('ends when the time is up', () => {
    const poll = new BusyPoll(1)
    poll.expect()
    expect(isLooking()).toBe(true)
    expect(turnsUntilAsleep()).toBeLessThan(1_000)
    poll.came()
  })

  it('ends when the message has come', () => {
    const poll = new BusyPoll(1_000)
    poll.expect()
    poll.came()
    vi.advanceTimersToNextTimer()
    expect(isLooking()).toBe(false)
  })

  it('is left out more and more often where it was in vain, and not any more when it was not', () => {
    const poll = new BusyPoll(1)
    const looks: number[] = []
    for (let time = 0; time < 40; time++) {
      poll.expect()
      if (isLooking()) looks.push(time)
      turnsUntilAsleep()
      poll.came()
    }
    expect(looks).toEqual([0, 2, 5, 10, 19, 36])
    for (let time = 0; time < 40 && !isLooking(); time++) {
      poll.came()
      poll.expect()
    }
    poll.came()
    vi.advanceTimersToNextTimer()
    poll.expect()
    expect(turnsUntilAsleep()).toBeGreaterThan(0)
    poll.came()
    poll.expect()
    expect(isLooking()).toBe(false)
    poll.came()
    poll.expect()
    expect(isLooking()).toBe(true)
    turnsUntilAsleep()
    poll.came()
  })

  it('is nothing for several at once, nor where it is turned off', () => {
    const [one, other, off] = [new BusyPoll(1_000), new BusyPoll(1_000), new BusyPoll(0)]
    off.expect()
    expect(isLooking()).toBe(false)
    one.expect()
    other.expect()
    one.came()
    vi.advanceTimersToNextTimer()
    expect(isLooking()).toBe(false)
    other.came()
    one.expect()
    expect(isLooking()).toBe(true)
    one.came()
  })
})

describe('a pool that looks for answers', () => {
  it('refuses what is no time, and answers with it and without', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-busy-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const worker = pathToFileURL(join(folder, 'echo.mjs'))
    writeFileSync(worker, 'export const handle = (value) => value')
    expect(() => new ProcessPool(worker, { busyPollMs: -1 })).toThrow('busyPollMs: expected milliseconds from 0 to 10')
    for (const busyPollMs of [0, 5]) {
      await using pool = new ProcessPool(worker, { max: 1, busyPollMs })
      for (let n = 0; n < 20; n++) expect((await pool.request(n)).value).toBe(n)
    }
  })
})
