import { describe, expect, it } from 'vitest'
import { runProgram } from '../helpers/program.js'
import { programFile } from './support.js'

/**
 * Runs requests in rounds; prints, after each round, the heap, what Buffers hold, open descriptors, timers and listeners. The
 * first rounds are for what is made once.
 */
const rounds = (options: string, round: string) => `
  import { readdirSync } from 'node:fs'
  const pool = ${options}
  const signal = new AbortController().signal
  const seen = []
  for (let n = 0; n < 6; n++) {
    ${round}
    while (pool.stats().starting > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    for (let turn = 0; turn < 3; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      globalThis.gc()
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    const timers = process.getActiveResourcesInfo().length
    // The pipes of those that are there now are none that were forgotten.
    const pipes = 3 * (pool.stats().running + pool.stats().spare)
    seen.push({ heapUsed, arrayBuffers, timers, descriptors: readdirSync('/proc/self/fd').length - pipes })
  }
  await pool.close()
  console.log(JSON.stringify(seen))`

interface Seen {
  readonly heapUsed: number
  readonly arrayBuffers: number
  readonly timers: number
  readonly descriptors: number
}

async function flat(source: string): Promise<void> {
  const { stdout, stderr } = await runProgram(source, 'export NODE_OPTIONS=--expose-gc')
  expect(stderr).toBe('')
  const seen = JSON.parse(stdout) as Seen[]
  const [early, last] = [seen[2]!, seen.at(-1)!]
  expect(last.heapUsed - early.heapUsed).toBeLessThan(500_000)
  expect(last.arrayBuffers - early.arrayBuffers).toBeLessThan(2_000_000)
  expect(last.descriptors).toBeLessThanOrEqual(early.descriptors + 1)
  expect(last.timers).toBeLessThanOrEqual(early.timers + 2)
}

describe('memory, descriptors and timers stay as they are', () => {
  it('for 60,000 requests to workers that stay', async () => {
    await flat(
      rounds(
        `new drover.ProcessPool('cat', [], { protocol: 'lines', max: 2, pipeline: 16, timeoutMs: 60_000 })`,
        `for (let batch = 0; batch < 20; batch++) {
           await Promise.all(Array.from({ length: 500 }, (_, k) => pool.request('line ' + k, { signal })))
         }`,
      ),
    )
  })

  it.each(['native', 'node'])('for 300 workers of one request each (%s launcher)', async (launcher) => {
    await flat(
      rounds(
        `new drover.ProcessPool('cat', [], { protocol: 'lines', max: 4, maxRequests: 1, launcher: '${launcher}' })`,
        `await Promise.all(Array.from({ length: 50 }, (_, k) => pool.request('line ' + k, { signal })))
         while (pool.stats().leaving > 0) await new Promise((resolve) => setTimeout(resolve, 5))`,
      ),
    )
  })

  it('for workers that die, requests that are given up, and leases', async () => {
    const args = JSON.stringify([programFile('hostile.mjs'), 'frames', 'w'])
    await flat(
      rounds(
        `new drover.ProcessPool(process.execPath, ${args}, { protocol: 'frames', max: 3, killGraceMs: 50 })`,
        `const ask = (act, options) => pool.request(JSON.stringify({ text: 'x', ...act }), options).catch(() => {})
         await Promise.all(Array.from({ length: 9 }, async (_, k) => {
           await ask({ act: 'die', at: 0, stderr: 'e'.repeat(50_000) }, { signal })
           await ask({ act: 'silent' }, { timeoutMs: 5, signal })
           const lease = await pool.acquire({ signal })
           const { stderr } = await lease.sendRequest('{"act":"answer","text":"x"}', { signal })
           lease.release()
         }))
         while (pool.stats().leaving > 0) await new Promise((resolve) => setTimeout(resolve, 5))`,
      ),
    )
  })
})
