import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseQueueAddress } from '../../src/fleet/address.js'
import type { FleetWorker } from '../../src/fleet/fleet-worker.js'
import { submit } from '../../src/fleet/submit.js'
import type { WorkOptions } from '../../src/fleet/work-options.js'
import { until } from '../helpers/until.js'
import { fleetOn } from './fleet-on.js'

const COUNT = 10

describe('results that are recorded together', () => {
  const fleet = fleetOn('Redis')
  let redis: Redis
  beforeAll(() => {
    redis = new Redis(fleet.server.address('x'))
  })
  afterAll(() => redis?.disconnect())

  const key = (name: string) => {
    const { queue } = parseQueueAddress(fleet.queue)
    return `{drover-${queue}}:${queue}:${name}`
  }
  const isDone = async (count: number) => (await redis.zcard(key('completed'))) === count
  /** A worker that has ten tasks, which all end in the same turn when they are told to; ten more wait. */
  const ready = async (options: Partial<WorkOptions> = {}, change: (worker: FleetWorker) => void = () => {}) => {
    fleet.newQueue()
    await submit(
      Array.from({ length: 2 * COUNT }, (_, n) => `nothing ${n}`),
      { queue: fleet.queue, run: 'r' },
    )
    let [calls, open] = [0, () => {}]
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const worker = await fleet.worker({
      concurrency: COUNT,
      handler: async () => {
        calls += 1
        await gate
      },
      ...options,
    })
    change(worker)
    await until('all have begun', () => calls === COUNT)
    const jobs = await redis.lrange(key('active'), 0, -1)
    expect(jobs).toHaveLength(COUNT)
    await redis.config('RESETSTAT')
    return { worker, open, jobs }
  }
  const scriptCalls = async () => {
    const counts = (await redis.info('commandstats')).matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)
    return [...counts].reduce((sum, [, calls]) => sum + Number(calls), 0)
  }
  /** BullMQ as it is. */
  const alone = ({ bull }: FleetWorker) => {
    delete (bull.getBackend() as unknown as { execCommand?: unknown }).execCommand
  }
  /** All that is on the server of ended tasks, without times. */
  const traces = async () => {
    const jobs = await Promise.all(
      (await redis.zrange(key('completed'), '0', '-1')).map((id) => redis.hgetall(key(id))),
    )
    const plain = jobs.map(({ data, returnvalue, processedOn, finishedOn, timestamp, ...rest }) => {
      expect(Number(finishedOn)).toBeGreaterThanOrEqual(Number(processedOn))
      return { ...rest, task: JSON.parse(data!).task, state: JSON.parse(returnvalue!).state }
    })
    const events = (await redis.xrange(key('events'), '-', '+')).map(([, fields]) =>
      fields.filter((_, n) => n < 4 || n > 5),
    )
    const keys = (await redis.keys(key('*'))).map((name) => name.slice(key('').length))
    return { jobs: sorted(plain), events: sorted(events), keys: keys.filter((name) => name !== 'stalled-check').sort() }
  }

  it('take one call of the server, which also takes the next tasks, and leave what single calls leave', async () => {
    const together = await ready({ name: 'it' })
    together.open()
    await until('all are done', () => isDone(2 * COUNT))
    expect(await scriptCalls()).toBeLessThan(COUNT)
    const found = await traces()
    const single = await ready({ name: 'it' }, alone)
    single.open()
    await until('all are done', () => isDone(2 * COUNT))
    expect(await scriptCalls()).toBeGreaterThan(COUNT)
    expect(found).toEqual(await traces())
  })

  it('are refused, or fail, one by one', async () => {
    const warnings: string[] = []
    const onWarning = (message: string) => warnings.push(message)
    const { worker, open, jobs } = await ready({ lockMs: 60_000, onWarning })
    const [stolen, broken] = jobs as [string, string]
    await redis.set(key(`${stolen}:lock`), 'another')
    await redis.set(key(`${broken}:dependencies`), 'no set')
    open()
    await until('all others are done', () => isDone(2 * COUNT - 2))
    await until('one is refused', () => worker.counts().lateResults === 1)
    expect(await redis.lrange(key('active'), 0, -1)).toEqual(expect.arrayContaining([stolen, broken]))
    expect(warnings).toMatchObject([expect.stringContaining('WRONGTYPE')])
    await redis.del(key(`${broken}:dependencies`))
    await until('it is done when it can be', () => isDone(2 * COUNT - 1))
    expect(await redis.lrange(key('active'), 0, -1)).toEqual([stolen])
    expect(worker.counts().lateResults).toBe(1)
  })
})

function sorted<T>(values: readonly T[]): T[] {
  return [...values].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}
