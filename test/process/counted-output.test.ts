import { describe, expect, it } from 'vitest'
import { dispatch, Process, run } from '../../src/index.js'
import type { Result } from '../../src/task/result.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { childOf } from '../helpers/fake-tasks.js'
import { elapse, inFakeTime } from '../helpers/fake-time.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'

const NOTHING_KEPT = { maxOutputBytes: 0 }
const bothStreams = (bytes: number) => `head -c ${bytes} /dev/zero & head -c ${bytes + 1} /dev/zero >&2; wait`

describe('output that nobody wants to see', () => {
  it('stays with the launcher; what is kept or looked at does not', async () => {
    const launcher = new FakeLauncher(() => ({ stdout: 'abc', stderr: 'd' }))
    const nothingKept = { launcher, ...NOTHING_KEPT }
    const results: Result[] = []
    results.push(await run('a', [], nothingKept))
    for await (const result of dispatch(['b'], nothingKept)) results.push(result)
    results.push(await run('c', [], { launcher, maxOutputBytes: 1 }))
    for await (const result of dispatch(['d'], { ...nothingKept, onOutput() {} })) results.push(result)
    results.push(await new Process('e', [], nothingKept).start().result)
    const ways = launcher.children.map(({ spec }) => [spec.stdout.to, spec.stderr.to].join())
    expect(ways).toEqual(['count,count', 'count,count', 'pipe,pipe', 'pipe,pipe', 'pipe,pipe'])
    for (const { stdoutBytes, stderrBytes, truncated } of results)
      expect([stdoutBytes, stderrBytes, truncated]).toEqual([3, 1, true])
  })

  it('is counted to the byte, on both streams at once', async () => {
    const result = await run(bothStreams(20_000_000), NOTHING_KEPT)
    expect(result).toMatchObject({ stdout: '', stderr: '', stdoutBytes: 20_000_000, stderrBytes: 20_000_001 })
    expect(result).toMatchObject({ truncated: true, pipeHeld: false, leftovers: 0 })
  })

  it('that is none is not truncated', async () => {
    expect(await run('true', NOTHING_KEPT)).toMatchObject({ stdoutBytes: 0, stderrBytes: 0, truncated: false })
  })

  it('is counted also where the task dies', async () => {
    const result = await run('printf abc; kill -KILL $$', { ...NOTHING_KEPT, reject: false })
    expect(result).toMatchObject({ state: 'killed', stdoutBytes: 3, truncated: true })
  })

  it('may be held by what the task leaves behind', async () => {
    const seconds = uniqueSleep()
    const result = await run(`echo a; sleep ${seconds} &`, { ...NOTHING_KEPT, pipeGraceMs: 60 })
    expect(result).toMatchObject({ state: 'succeeded', stdoutBytes: 2, pipeHeld: true, leftovers: 1 })
    await until('nothing is left', () => processesWith(seconds).length === 0)
  })

  it('does not make us wait by being endless', async () => {
    const seconds = uniqueSleep()
    const line = `sh -c 'while :; do cat /dev/zero; done # ${seconds}' & until [ -e /proc/$! ]; do :; done`
    const result = await run(line, { ...NOTHING_KEPT, pipeGraceMs: 20 })
    expect(result).toMatchObject({ state: 'succeeded', pipeHeld: true })
    await until('nothing is left', () => processesWith(seconds).length === 0)
  })

  it('is waited for after the exit as long as it comes, and for the grace without any', () =>
    inFakeTime(async () => {
      const launcher = new FakeLauncher()
      const result = run('a', [], { launcher, ...NOTHING_KEPT })
      const child = childOf(launcher, 'a')
      child.spawn()
      child.exit({ held: true })
      let done = false
      void result.then(() => {
        done = true
      })
      for (let times = 0; times < 5; times++) {
        await elapse(200)
        child.print('stdout', 'more')
      }
      await elapse(200)
      expect(done).toBe(false)
      await elapse(200)
      expect(done).toBe(true)
      expect(await result).toMatchObject({ stdoutBytes: 20, pipeHeld: true })
    }))
})
