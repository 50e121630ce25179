import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PrivateServer, privateServer } from '../../../src/fleet/private-server/index.js'
import { PostgresReplayStore, RedisReplayStore, type ReplayStore } from '../../../src/fleet/trust/index.js'
import { ServerHome } from '../private-server/support.js'
import { type PostgresServer, startPostgres } from '../servers.js'

const home = new ServerHome()
let server: PrivateServer
let redis: Redis
let postgres: PostgresServer
let pool: Pool

beforeAll(async () => {
  server = await privateServer({ folder: home.folder })
  redis = new Redis(server.socketPath)
  postgres = await startPostgres()
  pool = new Pool({ ...postgres.database, max: 8 })
  // The server may end before the connections have.
  pool.on('error', () => {})
}, 60_000)
afterAll(async () => {
  redis.disconnect()
  await server.close()
  await home.remove()
  await pool.end()
  await postgres.stop()
}, 60_000)

const SOON = Date.now() + 60_000
const mark = () => randomBytes(16)

describe.each<[string, (queue: string) => ReplayStore]>([
  ['Redis', (queue) => new RedisReplayStore(redis, { keyPrefix: `bull:${queue}` })],
  ['PostgreSQL', (queue) => new PostgresReplayStore(pool, { queue })],
])('marks on %s', (_name, store) => {
  it('are known to all workers of the queue, and to no other queue', async () => {
    const [one, other, elsewhere] = [store('jobs'), store('jobs'), store('others')]
    const [done, open] = [mark(), mark()]
    await one.add(done, SOON)
    await one.add(done, SOON)
    expect(await other.has(done, SOON)).toBe(true)
    expect(await other.has(open, SOON)).toBe(false)
    expect(await elsewhere.has(done, SOON)).toBe(false)
  })

  it('of many workers that begin at the same moment are all kept', async () => {
    const marks = Array.from({ length: 50 }, mark)
    const name = `at-once-${mark().toString('hex')}`
    await Promise.all(marks.map((each) => store(name).add(each, SOON)))
    const found = await Promise.all(marks.map((each) => store(name).has(each, SOON)))
    expect(found).toEqual(marks.map(() => true))
  })

  it('may hold any bytes', async () => {
    const odd = Buffer.from([0, 255, 13, 10, 39, 92, 0, 128, 1, 2, 3, 4, 5, 6, 7, 8])
    await store('odd').add(odd, SOON)
    expect(await store('odd').has(odd, SOON)).toBe(true)
  })
})

it('Redis drops marks by itself, two hours after the signature has expired at the latest', async () => {
  const store = new RedisReplayStore(redis, { keyPrefix: 'bull:dropped' })
  await store.add(mark(), SOON)
  const [key, ...more] = await redis.keys('bull:dropped:*')
  expect(more).toEqual([])
  const dropAtMs = await redis.pexpiretime(key!)
  expect(dropAtMs).toBeGreaterThan(SOON + 60 * 60 * 1000)
  expect(dropAtMs).toBeLessThanOrEqual(SOON + 2 * 60 * 60 * 1000)
  // What has expired for longer than that is gone at once.
  await store.add(mark(), Date.now() - 3 * 60 * 60 * 1000)
  expect(await redis.keys('bull:dropped:*')).toEqual([key])
})

it('PostgreSQL is swept by those who add to it', async () => {
  const old = mark()
  await new PostgresReplayStore(pool, { queue: 'swept' }).add(old, Date.now() - 2 * 60 * 60 * 1000)
  await new PostgresReplayStore(pool, { queue: 'swept' }).add(mark(), SOON)
  const { rows } = await pool.query(`select mark from drover.drover_done where queue = 'swept'`)
  expect(rows).toHaveLength(1)
  expect(rows[0].mark.equals(old)).toBe(false)
})

it('a database that fails is tried again', async () => {
  let fails = true
  const flaky = {
    query: (text: string, values?: unknown[]) => (fails ? Promise.reject(new Error('gone')) : pool.query(text, values)),
  }
  const store = new PostgresReplayStore(flaky, { queue: 'flaky', schema: 'other' })
  await expect(store.add(mark(), SOON)).rejects.toThrow('gone')
  fails = false
  const kept = mark()
  await store.add(kept, SOON)
  expect(await store.has(kept)).toBe(true)
  expect((await pool.query('select * from other.drover_done')).rows).toHaveLength(1)
  expect(() => new PostgresReplayStore(pool, { queue: 'x', schema: 'a"b' })).toThrow(/schema/)
})
