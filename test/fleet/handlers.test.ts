import { describe, expect, it } from 'vitest'
import { status } from '../../src/fleet/status.js'
import { submit } from '../../src/fleet/submit.js'
import { until } from '../helpers/until.js'
import { fleetOn, KINDS } from './fleet-on.js'

describe.each(KINDS)('handlers on %s', (kind) => {
  const fleet = fleetOn(kind)

  it('runs handlers in this process, with what they return and throw', async () => {
    fleet.newQueue()
    await fleet.worker({
      handler: async ({ stdin }) => {
        if (stdin === 'bad') throw new Error('no good')
        return { length: String(stdin).length }
      },
    })
    expect(
      await fleet.run([
        { command: 'measure', stdin: 'four' },
        { command: 'measure', stdin: 'bad' },
      ]),
    ).toMatchObject([
      { state: 'succeeded', value: { length: 4 } },
      { state: 'failed', error: { code: 'ERR_DROVER_HANDLER', message: 'no good' } },
    ])
  })

  it('calls a handler no more at once than it was told, though more tasks are taken ahead', async () => {
    fleet.newQueue()
    let [running, most, taken] = [0, 0, 0]
    const started = await fleet.worker({
      concurrency: 3,
      handler: async () => {
        most = Math.max(most, ++running)
        taken = Math.max(taken, started.counts().active)
        await new Promise((resolve) => setImmediate(resolve))
        running -= 1
      },
    })
    const results = await fleet.run(Array.from({ length: 400 }, (_, n) => `nothing ${n}`))
    expect(results.every(({ state }) => state === 'succeeded')).toBe(true)
    expect(most).toBe(3)
    expect(taken).toBeGreaterThan(3)
  })

  it('hands back what was taken ahead for a handler that takes long when it is closed', async () => {
    fleet.newQueue()
    const quick = await fleet.worker({ concurrency: 1, handler: async () => {} })
    await fleet.run(Array.from({ length: 50 }, (_, n) => `quick ${n}`))
    await quick.close()
    let begun = 0
    let finish = () => {}
    const slow = await fleet.worker({
      concurrency: 1,
      handler: ({ stdin }) =>
        stdin === 'slow'
          ? new Promise<void>((resolve) => {
              begun += 1
              finish = resolve
            })
          : undefined,
    })
    const warm = fleet.run(Array.from({ length: 50 }, (_, n) => `warm ${n}`))
    await warm
    const { run: name } = await submit(
      Array.from({ length: 5 }, (_, n) => ({ command: `slow ${n}`, stdin: 'slow' })),
      { queue: fleet.queue },
    )
    await until('the first has begun', () => begun === 1)
    const closed = slow.close()
    finish()
    await closed
    expect(begun).toBe(1)
    const next = await fleet.worker({ concurrency: 5, handler: async () => {} })
    await until('all have a result', async () => (await status({ queue: fleet.queue, run: name })).tasks.done === 5)
    expect(next.counts().byState.succeeded).toBe(4)
  })
})
