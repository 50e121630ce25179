import { rmSync } from 'node:fs'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { Drover, type DroverOptions } from '../helpers/drover.js'
import { until } from '../helpers/until.js'
import { type Certificates, makeCertificates } from './redis-kinds.js'
import { startOwnPostgres, type TestServer } from './support.js'

let certificates: Certificates
let server: TestServer
const begun: Drover[] = []

beforeAll(async () => {
  certificates = await makeCertificates()
  const strict = 'hostssl all strict samehost trust clientcert=verify-ca'
  const access = [strict, 'hostssl all all samehost trust', 'hostnossl all all samehost reject']
  server = await startOwnPostgres({ ...certificates, access })
}, 120_000)
afterEach(async () => {
  for (const { process } of begun) process.kill('SIGKILL')
  await Promise.all(begun.splice(0).map(({ exit }) => exit))
})
afterAll(async () => {
  await server?.remove()
  if (certificates !== undefined) rmSync(certificates.folder, { recursive: true, force: true })
})

function start(words: readonly string[], options: DroverOptions = {}): Drover {
  const drover = new Drover(words, { input: '', ...options })
  begun.push(drover)
  return drover
}

/** @param tls - what is said of it in the address. */
function addressWith(tls: string, { host = 'localhost', user = 'postgres' } = {}): string {
  const port = new URL(server.address('x')).port
  return `postgres://${user}@${host}:${port}/postgres?queue=tls${tls}`
}

it.each(['require', 'verify-ca', 'verify-full'])(
  'sslmode=%s: tasks go through a server that speaks TLS only',
  async (mode) => {
    const queue = addressWith(`&sslmode=${mode}&sslrootcert=${certificates.ca}`)
    const worker = start(['work', '--queue', queue, '-j', '2', '--outputs', 'none'])
    await until('it works', () => worker.stderr.includes(' works for '), 20_000)
    const run = start(['run', '--queue', queue, '-k', 'echo {}', ':::', mode, '2', '3'])
    expect(await run.end).toMatchObject({ status: 0, stdout: `${mode}\n2\n3\n`, stderr: '' })
    worker.process.kill('SIGTERM')
    const end = await worker.end
    expect(end).toMatchObject({ status: 0, signal: null })
    expect(end.stderr).not.toMatch(/warning/i)
  },
  40_000,
)

it('a client is known by its certificate where the server wants one', async () => {
  const { ca, cert, key } = certificates
  const client = new Client({ connectionString: addressWith('&sslmode=no-verify') })
  await client.connect()
  await client.query('create role strict superuser login')
  await client.end()
  const own = `&sslmode=verify-full&sslrootcert=${ca}`
  const [known, unknown] = [`${own}&sslcert=${cert}&sslkey=${key}`, own].map((tls) =>
    start(['status', '--queue', addressWith(tls, { user: 'strict' })]),
  )
  expect(await known!.end).toMatchObject({ status: 0, stderr: '' })
  expect(await unknown!.end).toMatchObject({
    status: 102,
    stderr: expect.stringMatching(/reached: .*client certificate/),
  })
}, 40_000)

it('a server that is not the one that was meant is refused, and so is one in clear', async () => {
  const { ca, otherCa } = certificates
  const badCertificate =
    /reached: self-signed certificate.*its certificate one of the authority that \?sslrootcert= names\?/
  const clear = /reached: .*no encryption/
  const refused = (tls: string, reason: RegExp, where = {}) => ({ queue: addressWith(tls, where), reason })
  const all = [
    refused(`&sslmode=verify-full&sslrootcert=${otherCa}`, badCertificate),
    refused(`&sslmode=require&sslrootcert=${otherCa}`, badCertificate),
    refused('&sslmode=verify-full', badCertificate),
    refused('&sslmode=require', badCertificate),
    refused(`&sslmode=verify-full&sslrootcert=${ca}`, /127\.0\.0\.2 is not in the cert/, { host: '127.0.0.2' }),
    refused('', clear),
    refused('&sslmode=disable', clear),
  ]
  const ends = await Promise.all(all.map(({ queue }) => start(['status', '--queue', queue]).end))
  for (const [index, { status, stderr }] of ends.entries()) {
    expect(stderr).toMatch(/^drover: the queue at postgres:\/\/\S+ cannot be reached: .*\n$/)
    expect(stderr).toMatch(all[index]!.reason)
    expect(status).toBe(102)
  }
}, 40_000)
