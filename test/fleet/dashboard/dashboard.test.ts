import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPostgresBackend, Queue } from 'bullmq'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  type Dashboard,
  type DashboardOptions,
  findDashboardToken,
  parseDashboardAddress,
  startDashboard,
} from '../../../src/fleet/dashboard/index.js'
import { dashboardPackages, missingPackages } from '../../../src/fleet/dashboard/packages.js'
import { shownEnvelope, shownResult } from '../../../src/fleet/dashboard/shown-job.js'
import { WorkerMetrics } from '../../../src/fleet/dashboard/worker-metrics.js'
import { work } from '../../../src/fleet/fleet-worker.js'
import { type PrivateServer, privateServer } from '../../../src/fleet/private-server/index.js'
import { submit } from '../../../src/fleet/submit.js'
import { WorkCounter } from '../../../src/fleet/work-counts.js'
import { OptionError } from '../../../src/task/errors.js'
import { until } from '../../helpers/until.js'
import { ServerHome } from '../private-server/support.js'
import { startPostgres } from '../servers.js'

const TOKEN = 'a-token-for-tests-0123456789'
const home = new ServerHome()
let server: PrivateServer
let queue: Queue
const open: Dashboard[] = []

beforeAll(async () => {
  server = await privateServer({ folder: home.folder })
  queue = new Queue('jobs', { connection: { path: server.socketPath } })
  await queue.add('a task', { v: 1, task: '{"command":"true"}' }, { jobId: 'run.a' })
})
afterEach(async () => {
  for (const dashboard of open.splice(0)) await dashboard.close()
})
afterAll(async () => {
  await queue.close()
  await server.close()
  await home.remove()
})

async function start(options: Partial<DashboardOptions> = {}): Promise<Dashboard> {
  const dashboard = await startDashboard({ address: '0', queue, ...options })
  open.push(dashboard)
  return dashboard
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** A request with exactly these headers, which fetch does not allow for. */
function ask(url: string, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { method, headers, agent: false }, (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode!, body, headers: response.headers }))
    })
    sent.on('error', reject)
    sent.end()
  })
}

const status = async (...words: Parameters<typeof ask>) => (await ask(...words)).status

describe('without a token', () => {
  it('it is on this machine only, shows the queue, and changes nothing', async () => {
    const { url } = await start()
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/)
    expect((await ask(url, '/')).body).toContain('<title>drover</title>')
    const { body } = await ask(url, '/api/queues?activeQueue=jobs&status=waiting')
    expect(JSON.parse(body).queues[0]).toMatchObject({ name: 'jobs', readOnlyMode: true, jobs: [{ id: 'run.a' }] })
    for (const [method, path] of [
      ['PUT', '/api/queues/jobs/pause'],
      ['POST', '/api/queues/jobs/add'],
      ['PUT', '/api/queues/jobs/run.a/clean'],
    ] as const)
      expect(await status(url, path, {}, method)).toBe(403)
    expect(await queue.isPaused()).toBe(false)
    await expect(start({ address: '0.0.0.0:0' })).rejects.toThrow(/a token is needed on 0\.0\.0\.0/)
    await expect(start({ address: '[::]:0' })).rejects.toThrow(OptionError)
  })

  it('a name of another page that leads here is refused', async () => {
    const { url } = await start()
    const { port } = new URL(url)
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'localhost'])
      expect(await status(url, '/', { host })).toBe(200)
    for (const host of [`evil.example:${port}`, 'evil.example', '127.0.0.1.evil.example', '10.0.0.1'])
      expect(await status(url, '/', { host })).toBe(403)
  })
})

describe('with a token', () => {
  it('it is shown to who has it, in a header or, after the address had it once, in a cookie', async () => {
    const { url } = await start({ address: '0.0.0.0:0', token: TOKEN })
    for (const path of [
      '/',
      '/metrics',
      '/api/queues',
      '/static/favicon-32x32.png',
      '/?token=wrong',
      `/?tokens=${TOKEN}`,
    ])
      expect(await status(url, path)).toBe(401)
    expect(await status(url, '/', { authorization: `Bearer ${TOKEN}` })).toBe(200)
    for (const authorization of [`Bearer ${TOKEN}x`, `Basic ${TOKEN}`, 'Bearer', `Bearer ${TOKEN.slice(1)}`])
      expect(await status(url, '/', { authorization })).toBe(401)

    const first = await ask(url, `/queue/jobs?status=active&token=${TOKEN}`)
    expect(first).toMatchObject({ status: 303, headers: { location: '/queue/jobs?status=active' } })
    const [set] = first.headers['set-cookie'] as string[]
    expect(set).toMatch(/^drover_dashboard_\d+=[\w-]{43}; HttpOnly; SameSite=Lax; Path=\/; Max-Age=\d+$/)
    const [cookie] = set!.split(';')
    expect(cookie).not.toContain(TOKEN)
    expect(await status(url, '/', { cookie: `other=1; ${cookie}` })).toBe(200)
    expect(await status(url, '/', { cookie: `${cookie}x` })).toBe(401)
    expect(await status(url, '/', { cookie: cookie!.replace(/=.*/, `=${TOKEN}`) })).toBe(401)
    expect(JSON.stringify(first.headers)).not.toContain(TOKEN)
  })

  it('who has it can change things, but no other page through a browser that has the cookie', async () => {
    const { url } = await start({ token: TOKEN })
    const { host } = new URL(url)
    const [set] = (await ask(url, `/?token=${TOKEN}`)).headers['set-cookie'] as string[]
    const cookie = set!.split(';')[0]!
    const pause = (headers: Record<string, string>) => status(url, '/api/queues/jobs/pause', headers, 'PUT')
    expect(await pause({ cookie, 'sec-fetch-site': 'cross-site' })).toBe(403)
    expect(await pause({ cookie, 'sec-fetch-site': 'same-site' })).toBe(403)
    expect(await pause({ cookie, origin: 'https://evil.example' })).toBe(403)
    expect(await pause({ cookie, origin: `https://evil.example/${host}` })).toBe(403)
    expect(await queue.isPaused()).toBe(false)
    expect(await pause({ cookie, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' })).toBe(200)
    expect(await queue.isPaused()).toBe(true)
    expect(await status(url, '/api/queues/jobs/resume', { authorization: `Bearer ${TOKEN}` }, 'PUT')).toBe(200)
    expect(await queue.isPaused()).toBe(false)
  })

  it('it can be made to change nothing', async () => {
    const { url } = await start({ token: TOKEN, readOnly: true })
    expect(await status(url, '/api/queues/jobs/pause', { authorization: `Bearer ${TOKEN}` }, 'PUT')).toBe(403)
  })
})

describe('tokens', () => {
  const folder = mkdtempSync(join(tmpdir(), 'drover-token-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const file = (content: string, mode = 0o600) => {
    const path = join(folder, `${mode}-${content.length}`)
    writeFileSync(path, content, { mode })
    return path
  }

  it('come from a file, else the environment, else they are made where others can reach it', () => {
    const env = { DROVER_DASHBOARD_TOKEN: 'from-the-environment' }
    expect(findDashboardToken('0.0.0.0', { file: file(`${TOKEN}\n`), env })).toEqual({ token: TOKEN, isNew: false })
    expect(findDashboardToken('127.0.0.1', { env })).toEqual({ token: 'from-the-environment', isNew: false })
    expect(findDashboardToken('127.0.0.1', { env: {} })).toBeNull()
    const [one, other] = [findDashboardToken('0.0.0.0', { env: {} }), findDashboardToken('myhost', { env: {} })]
    expect(one).toMatchObject({ isNew: true, token: expect.stringMatching(/^[\w-]{43}$/) })
    expect(other!.token).not.toBe(one!.token)
  })

  it('that are no tokens are refused', () => {
    expect(() => findDashboardToken('::1', { env: { DROVER_DASHBOARD_TOKEN: 'short' } })).toThrow(/at least 16/)
    expect(() => findDashboardToken('::1', { env: { DROVER_DASHBOARD_TOKEN: 'with a space in the middle' } })).toThrow(
      OptionError,
    )
    expect(() => findDashboardToken('::1', { file: file('\n') })).toThrow(/is empty/)
    expect(() => findDashboardToken('::1', { file: file(`${TOKEN}open`, 0o644) })).toThrow(/others.*chmod 600/)
  })
})

it.each([
  ['3000', '127.0.0.1', 3000],
  ['0.0.0.0:80', '0.0.0.0', 80],
  ['[::1]:0', '::1', 0],
  ['my-host.example:65535', 'my-host.example', 65_535],
])('the address %s', (text, host, port) => {
  expect(parseDashboardAddress(text)).toEqual({ host, port })
})

it.each(['', 'x', ':80', '1.2.3.4', '1.2.3.4:', '::1:80', '70000', 'a b:1', 'http://x:1', '-1'])(
  'no address: %j',
  (text) => {
    expect(() => parseDashboardAddress(text)).toThrow(OptionError)
  },
)

it('a port that is taken, or that is not ours to take, is told', async () => {
  const { url } = await start()
  const { port } = new URL(url)
  await expect(start({ address: port })).rejects.toThrow(
    new RegExp(`127\\.0\\.0\\.1:${port}: another program listens there`),
  )
  await expect(start({ address: '192.0.2.1:0', token: TOKEN })).rejects.toThrow(/does not have that address/)
  await expect(start({ adress: '1' } as never)).rejects.toThrow(OptionError)
  await expect(start({ queue: 'nowhere' })).rejects.toThrow(OptionError)
  const { url: named } = await start({ queue: `${server.address}?queue=named` })
  expect((await ask(named, '/api/queues')).body).toContain('"named"')
})

it('packages that are not installed are named with what installs them', () => {
  const error = missingPackages(new Error("Cannot find package '@bull-board/api' imported from here\nRequire stack"))
  expect(error.code).toBe('ERR_DROVER_PACKAGE')
  expect(error.message).toMatch(
    /'@bull-board\/api'.*npm install @bull-board\/api @bull-board\/ui @bull-board\/hono hono/,
  )
})

it('what is shown of a task has no secrets in it', () => {
  const task = { command: 'x', env: { PASSWORD: 'secret', OTHER: null } }
  const proof = { key: '0123', signature: 'signed' }
  expect(shownEnvelope({ v: 1, task: JSON.stringify(task), proof })).toEqual({
    v: 1,
    task: { command: 'x', env: { PASSWORD: '…', OTHER: '…' } },
    signedWith: '0123',
  })
  expect(shownEnvelope({ v: 1, task: 'no json', proof: null })).toEqual({ v: 1, task: 'no json', signedWith: true })
  expect([shownEnvelope(null), shownEnvelope('x'), shownResult('{"a":1}'), shownResult('x')]).toEqual([
    null,
    'x',
    { a: 1 },
    'x',
  ])
})

const { metrics: metricsPackage } = await dashboardPackages()
const NO_COUNTS = new WorkCounter().counts(0)

describe('metrics', () => {
  const result = { startedAt: '2026-01-01T00:00:00.000Z', durationMs: 250, cpuUserMs: 100, cpuSystemMs: null } as const

  it('are in the form of Prometheus, with what the worker and the queue count', async () => {
    let unsigned = 0
    const byState = { ...NO_COUNTS.byState, failed: 1, succeeded: 2 }
    const counts = () => ({
      ...NO_COUNTS,
      active: 3,
      byState,
      refused: { ERR_DROVER_REFUSED: 7, ERR_DROVER_INPUT: 5 },
      handedBack: 6,
    })
    const metrics = new WorkerMetrics(metricsPackage, {
      queue,
      counts,
      refused: () => ({ unsigned, expired: 2 }) as never,
    })
    metrics.ended(result)
    metrics.ended(result)
    metrics.ended({ ...result, startedAt: null })
    unsigned = 4
    const body = await metrics.text()
    expect(metrics.contentType).toMatch(/^text\/plain; version=0\.0\.4/)
    const lines = body.split('\n')
    for (const line of [
      'drover_tasks_running{queue="jobs"} 3',
      'drover_tasks_total{state="failed",queue="jobs"} 1',
      'drover_tasks_total{state="succeeded",queue="jobs"} 2',
      'drover_tasks_total{state="lost",queue="jobs"} 0',
      'drover_tasks_refused_total{reason="unsigned",queue="jobs"} 4',
      'drover_tasks_refused_total{reason="expired",queue="jobs"} 2',
      'drover_tasks_refused_total{reason="ERR_DROVER_INPUT",queue="jobs"} 5',
      'drover_tasks_handed_back_total{queue="jobs"} 6',
      'drover_locks_lost_total{queue="jobs"} 0',
      'drover_late_results_total{queue="jobs"} 0',
      'drover_task_duration_seconds_bucket{le="0.1",queue="jobs"} 0',
      'drover_task_duration_seconds_bucket{le="0.3",queue="jobs"} 2',
      'drover_task_duration_seconds_sum{queue="jobs"} 0.5',
      'drover_task_cpu_seconds_total{mode="user",queue="jobs"} 0.2',
      'drover_queue_up{queue="jobs"} 1',
      'drover_queue_tasks{state="waiting",queue="jobs"} 1',
    ])
      expect(lines).toContain(line)
    expect(body).not.toContain('ERR_DROVER_REFUSED')
    expect(body).toContain('process_cpu_seconds_total')
    const again = await metrics.text()
    expect(again).toContain('drover_tasks_refused_total{reason="unsigned",queue="jobs"} 4\n')
  })

  it('are told without the queue where its server does not answer', async () => {
    const silent = { name: 'jobs', getJobCounts: () => new Promise<never>(() => {}) }
    const failing = { name: 'jobs', getJobCounts: () => Promise.reject(new Error('gone')) }
    for (const each of [silent, failing]) {
      const text = await new WorkerMetrics(metricsPackage, { queue: each, counts: () => NO_COUNTS }).text()
      expect(text).toContain('drover_queue_up{queue="jobs"} 0')
      expect(text).not.toContain('drover_queue_tasks{')
      expect(text).toContain('drover_tasks_running{queue="jobs"} 0')
    }
  })
})

it('shows what a worker of the fleet made of a task, and measures it', async () => {
  const address = `${server.address}?queue=shown`
  const dashboard = await start({ queue: address })
  const { url } = dashboard
  expect(await status(url, '/metrics')).toBe(404)
  const worker = await work({ queue: address, outputs: null })
  dashboard.watch(worker)
  await submit([{ id: 'greet', command: 'echo', args: ['hello'], env: { PASSWORD: 'secret' } }], {
    queue: address,
    run: 'it',
  })
  await until('it is done', () => worker.counts().byState.succeeded === 1)
  const found = await ask(url, '/api/queues?activeQueue=shown&status=completed')
  const { body } = await ask(url, `/api/queues/shown/${JSON.parse(found.body).queues[0].jobs[0].id}`)
  expect(JSON.parse(body).job).toMatchObject({
    data: { run: 'it', task: { command: 'echo', args: ['hello'] } },
    returnValue: { state: 'succeeded', stdout: 'hello\n' },
  })
  expect(body).not.toContain('secret')
  const { body: text, headers } = await ask(url, '/metrics')
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(text).toContain('drover_tasks_total{state="succeeded",queue="shown"} 1\n')
  expect(text).toContain('drover_task_duration_seconds_count{queue="shown"} 1\n')
  expect(text).toContain('drover_queue_tasks{state="completed",queue="shown"} 1\n')
  await worker.close()
})

it('shows queues on PostgreSQL too', async () => {
  const postgres = await startPostgres()
  const { host, user, database } = postgres.database
  const options = { connection: { host, user, database, schema: 'drover', migrate: true } } as never
  const jobs = new Queue('jobs', options, createPostgresBackend as never)
  // The server may end before the connections have.
  jobs.on('error', () => {})
  try {
    await jobs.add('it', { v: 1, task: '{"command":"true"}' }, { jobId: 'run.it' })
    const { url } = await start({ queue: jobs })
    const { body } = await ask(url, '/api/queues?activeQueue=jobs&status=waiting')
    expect(JSON.parse(body).queues[0]).toMatchObject({ jobs: [{ id: 'run.it', data: { task: { command: 'true' } } }] })
    expect(await status(url, '/metrics')).toBe(404)
    expect(await status(url, '/api/redis/stats')).toBe(200)
  } finally {
    await jobs.close()
    await postgres.stop()
  }
}, 60_000)
