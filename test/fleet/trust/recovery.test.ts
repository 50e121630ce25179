import { createPostgresBackend, type Job, Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type PrivateServer, privateServer } from '../../../src/fleet/private-server/index.js'
import type { TaskEnvelope } from '../../../src/fleet/task-envelope.js'
import {
  PostgresReplayStore,
  parseKeys,
  RedisReplayStore,
  SignedEnvelopes,
  signedEnvelopes,
  TaskSigner,
  TaskVerifier,
} from '../../../src/fleet/trust/index.js'
import { until } from '../../helpers/until.js'
import { ServerHome } from '../private-server/support.js'
import { startPostgres } from '../servers.js'
import { keyPair } from './keys.js'

const home = new ServerHome()
const pair = keyPair()
const signer = signedEnvelopes(new TaskSigner({ keys: parseKeys(Buffer.from(pair.privatePem), 'it'), queue: 'jobs' }))
let server: PrivateServer
let redis: Redis
let queue: Queue<TaskEnvelope>

beforeAll(async () => {
  server = await privateServer({ folder: home.folder })
  redis = new Redis(server.socketPath, { maxRetriesPerRequest: null })
  queue = new Queue('jobs', { connection: { path: server.socketPath } })
})
afterAll(async () => {
  await queue.close()
  redis.disconnect()
  await server.close()
  await home.remove()
})

/** One worker of the queue, which records whether each job was accepted. */
function worker(handle: (job: Job<TaskEnvelope>) => Promise<void>) {
  const verdicts: (string | null)[] = []
  const verifier = new TaskVerifier({
    keys: parseKeys(Buffer.from(pair.publicPem), 'it'),
    queue: 'jobs',
    replays: new RedisReplayStore(redis, { keyPrefix: 'bull:jobs' }),
  })
  const trust = new SignedEnvelopes(verifier)
  const bull = new Worker<TaskEnvelope>(
    'jobs',
    async (job) => {
      const refused = await trust.verify(job.data, { queue: 'jobs', jobId: job.id! })
      verdicts.push(refused === null ? null : refused.message.split(':')[0]!)
      if (refused === null) await handle(job)
    },
    { connection: { path: server.socketPath, maxRetriesPerRequest: null }, lockDuration: 500, stalledInterval: 200 },
  )
  let recorded = 0
  bull.on('completed', async (job) => {
    await trust.recorded(job.data)
    recorded += 1
  })
  bull.on('error', () => {})
  return { bull, verdicts, verifier, recorded: () => recorded }
}

it('a job whose worker was lost is run again, and a copy of it after its result is not', async () => {
  const place = { queue: 'jobs', jobId: 'run.abc' }
  const envelope: TaskEnvelope = { v: 1, run: 'run', index: 0, key: 'abc', task: '{"command":"true"}', at: 1 }
  const data = { ...envelope, proof: signer.sign(envelope, place) }
  await queue.add('task', data, { jobId: place.jobId, removeOnComplete: true })

  // One that takes the job and is never heard of again.
  let lost = false
  const first = worker(() => {
    lost = true
    return new Promise(() => {})
  })
  await until('it has the job', () => lost)
  await first.bull.close(true)
  const second = worker(async () => {})
  await until('another has recorded its result', () => second.recorded() === 1)
  expect([first.verdicts, second.verdicts]).toEqual([[null], [null]])

  // Somebody who can write to the queue adds it again, as it was.
  await until('it is gone from the queue', async () => (await queue.getJob(place.jobId)) === undefined)
  await queue.add('task', data, { jobId: place.jobId, removeOnComplete: true })
  await until('it was refused', () => second.verdicts.length === 2)
  expect(second.verdicts[1]).toBe('replayed')
  // Under another id, in another envelope, and without its signature.
  await queue.add('task', data, { jobId: 'run.other' })
  await queue.add('task', { ...data, task: '{"command":"rm"}' }, { jobId: 'run.altered' })
  await queue.add('task', envelope, { jobId: 'run.unsigned' })
  await until('all were looked at', () => second.verdicts.length === 5)
  expect(second.verdicts.slice(2).sort()).toEqual(['altered', 'unsigned', 'wrong-job'])
  expect(second.verifier.refused).toMatchObject({ replayed: 1, 'wrong-job': 1, altered: 1, unsigned: 1, expired: 0 })
  // Submitted again by somebody who has the key.
  await queue.add('task', { ...envelope, proof: signer.sign(envelope, place) }, { jobId: place.jobId })
  await until('its result is recorded', () => second.recorded() === 6)
  expect(second.verdicts[5]).toBeNull()
  await second.bull.close()
})

it('a signature holds through PostgreSQL, which gives JSON back in another form', async () => {
  const postgres = await startPostgres()
  const { host, user, database } = postgres.database
  const connection = { host, user, database, schema: 'drover', migrate: true }
  const options = { connection, prefix: 'bull' } as never
  const jobs = new Queue('jobs', options, createPostgresBackend as never)
  // The server may end before the connections have.
  jobs.on('error', () => {})
  const pool = new Pool(postgres.database)
  // The server may end before the connections have.
  pool.on('error', () => {})
  try {
    const envelope: TaskEnvelope = {
      v: 1,
      run: 'run',
      index: 0,
      key: 'abc',
      id: 'ä \u2028',
      task: '{"b":1.50,"a":1e2}',
      at: 1e21,
    }
    const odd = { ...envelope, zz: 1, aa: { b: -0, a: [0.1, 1e-7, 123456789012345680000] } } as TaskEnvelope
    const place = { queue: 'jobs', jobId: 'run.abc' }
    await jobs.add('task', { ...odd, proof: signer.sign(odd, place) }, { jobId: place.jobId })
    const job = (await jobs.getJob(place.jobId))!
    const keys = parseKeys(Buffer.from(pair.publicPem), 'it')
    const replays = new PostgresReplayStore(pool, { queue: 'jobs' })
    const trust = new SignedEnvelopes(new TaskVerifier({ keys, queue: 'jobs', replays }))
    expect(Object.keys(job.data)).not.toEqual(Object.keys(odd))
    expect(await trust.verify(job.data, place)).toBeNull()
    await trust.recorded(job.data)
    expect(await trust.verify(job.data, place)).toMatchObject({
      code: 'ERR_DROVER_REFUSED',
      message: expect.stringMatching(/^replayed: /),
    })
  } finally {
    await jobs.close()
    await pool.end()
    await postgres.stop()
  }
}, 60_000)
