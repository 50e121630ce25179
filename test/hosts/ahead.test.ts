import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DispatchSourceOptions, dispatch } from '../../src/dispatch/dispatch.js'
import type { Result } from '../../src/task/result.js'
import type { Task } from '../../src/task/task.js'
import { TestHosts } from './sshd.js'

const DELAY_MS = 50
const TRIP_MS = 2 * DELAY_MS

let hosts: TestHosts
beforeAll(async () => {
  hosts = await TestHosts.start([{ name: 'far', delayMs: DELAY_MS }, { name: 'near' }])
  process.env.PATH = `${hosts.bin}:${process.env.PATH}`
})
afterAll(() => hosts?.end())

async function resultsFrom(tasks: readonly (Task | string)[], options: DispatchSourceOptions): Promise<Result[]> {
  const results: Result[] = []
  for await (const result of dispatch(tasks, options)) results.push(result)
  return results
}

const TIMED = 'date +%s%N; sleep 0.02; date +%s%N'

/** For how many milliseconds each slot was empty before each start but the first ones, from what the tasks have said themselves. */
function gapsOf(results: readonly Result[], slots: number): number[] {
  const spans = results
    .map(({ stdout }) => stdout.trim().split('\n').map((ns) => Number(ns) / 1e6) as [number, number])
    .sort(([a], [b]) => a - b)
  const ends = spans.slice(0, slots).map(([, end]) => end)
  return spans.slice(slots).map(([start, end]) => {
    ends.sort((a, b) => a - b)
    const gap = start - ends.shift()!
    ends.push(end)
    return gap
  })
}

describe('starts that are sent ahead', () => {
  it('leave no slot empty for as long as a word takes', async () => {
    const results = await resultsFrom(Array(80).fill(TIMED), { hosts: 'far:2' })
    expect(results.map(({ state }) => state)).toEqual(Array(80).fill('succeeded'))
    const gaps = gapsOf(results, 2)
    const short = gaps.filter((gap) => gap < TRIP_MS / 2)
    console.log(gaps.map((gap) => Math.round(gap)).join(' '))
    expect(short.length).toBeGreaterThan(gaps.length * 0.8)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(0)
  })

  it('are not sent where only this side can say what starts', async () => {
    const results = await resultsFrom(Array(12).fill(TIMED), { hosts: 'far:2', beforeStart: (task) => task })
    for (const gap of gapsOf(results, 2)) expect(gap).toBeGreaterThan(TRIP_MS * 0.9)
  })
})
