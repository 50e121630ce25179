import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type FleetWorker, work } from '../../../src/fleet/fleet-worker.js'
import { openQueue } from '../../../src/fleet/open-queue.js'
import { privateServer } from '../../../src/fleet/private-server/index.js'
import { submit } from '../../../src/fleet/submit.js'
import type { TaskEnvelope } from '../../../src/fleet/task-envelope.js'
import { openTrust, parseKeys, taskSigner } from '../../../src/fleet/trust/index.js'
import { until } from '../../helpers/until.js'
import { ServerHome } from '../private-server/support.js'
import { startPostgres } from '../servers.js'
import { keyPair } from './keys.js'

const folder = mkdtempSync(join(tmpdir(), 'drover-trust-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const pair = keyPair()
const signing = parseKeys(Buffer.from(pair.privatePem), 'it')
const verifying = parseKeys(Buffer.from(pair.publicPem), 'it')

interface Server {
  readonly address: string
  stop(): Promise<void>
}

async function redis(): Promise<Server> {
  const home = new ServerHome()
  const server = await privateServer({ folder: home.folder })
  const stop = async () => {
    await server.close()
    await home.remove()
  }
  return { address: server.address, stop }
}

async function postgres(): Promise<Server> {
  const server = await startPostgres()
  const { host, user, database } = server.database
  return { address: `postgres://${user}@${encodeURIComponent(host!)}/${database}`, stop: () => server.stop() }
}

describe.each([
  ['Redis', redis],
  ['PostgreSQL', postgres],
])('a worker with a key, on %s', (name, start) => {
  it('runs what was signed, once, and nothing else', async () => {
    const server = await start()
    const trust = await openTrust(server.address, verifying, { clockSkewMs: 0 })
    const worker: FleetWorker = await work({ queue: server.address, verifier: trust.verifier, outputs: null })
    let marked = 0
    worker.bull.on('completed', async (job) => {
      await trust.verifier.recorded(job.data)
      marked += 1
    })
    const { queue, close } = await openQueue(server.address)
    const out = join(folder, name)
    const task = { command: `echo ran >> '${out}'` }
    const ran = () => readFileSync(out, 'utf8').split('\n').length - 1
    const resultOf = async (jobId: string) => {
      let result: { state?: string; error?: { code: string; message: string } } = {}
      await until(`${jobId} has a result`, async () => {
        const value = (await queue.getJob(jobId))?.returnvalue
        if (value !== null && value !== undefined)
          result = (typeof value === 'string' ? JSON.parse(value) : value) as never
        return result.state !== undefined
      })
      return { state: result.state, why: result.error?.message.split(':')[0] }
    }
    try {
      const signer = taskSigner(server.address, signing)
      await submit([task], { queue: server.address, run: 'good', signer })
      await until('it is done', async () => (await queue.getCompletedCount()) === 1)
      const [job] = await queue.getCompleted()
      expect(await resultOf(job!.id!)).toMatchObject({ state: 'succeeded' })
      expect(ran()).toBe(1)
      const data = job!.data

      // As somebody would who can write to the queue, and has no key.
      const put = async (jobId: string, forged: TaskEnvelope) => {
        await queue.add('forged', forged, { jobId })
        return resultOf(jobId)
      }
      await until('its mark is there', () => marked === 1)
      await job!.remove()
      expect(await put(job!.id!, data)).toEqual({ state: 'invalid', why: 'replayed' })
      const { proof: _, ...unsigned } = data
      expect(await put('good.unsigned', { ...unsigned, key: 'unsigned' })).toEqual({
        state: 'invalid',
        why: 'unsigned',
      })
      const altered = data.task.replace('ran', 'ran too')
      expect(await put('good.altered', { ...data, key: 'altered', task: altered })).toEqual({
        state: 'invalid',
        why: 'altered',
      })
      expect(await put('good.moved', data)).toEqual({ state: 'invalid', why: 'wrong-job' })
      await submit([task], { queue: server.address, run: 'late', signer: taskSigner(server.address, signing, 0) })
      expect(await resultOf(`late.${data.key}`)).toEqual({ state: 'invalid', why: 'expired' })
      const other = parseKeys(Buffer.from(keyPair().privatePem), 'it')
      await submit([task], { queue: server.address, run: 'other', signer: taskSigner(server.address, other) })
      expect(await resultOf(`other.${data.key}`)).toEqual({ state: 'invalid', why: 'unknown-key' })
      expect(trust.refused()).toEqual({
        unsigned: 1,
        altered: 1,
        expired: 1,
        replayed: 1,
        'unknown-key': 1,
        'wrong-job': 1,
        'wrong-queue': 0,
      })
      expect(ran()).toBe(1)

      await submit([task], { queue: server.address, run: 'again', signer })
      expect(await resultOf(`again.${data.key}`)).toMatchObject({ state: 'succeeded' })
      expect(ran()).toBe(2)
    } finally {
      await close()
      await worker.close()
      await trust.close()
      await server.stop()
    }
  }, 60_000)
})
