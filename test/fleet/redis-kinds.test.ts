import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { Drover, type DroverOptions } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { type Certificates, makeCertificates, RedisNode, startCluster, startSentinels } from './redis-kinds.js'

const COUNT = 50
const ITEMS = Array.from({ length: COUNT }, (_, index) => String(index))
const LIBRARY = new URL('../../dist/fleet/index.js', import.meta.url).href
/** Submits and looks, and then has nothing more to do: it ends when no connection is left open. */
const PROGRAM = `
  import { findQueueAddress, status, submit } from ${JSON.stringify(LIBRARY)}
  const queue = findQueueAddress({ given: process.argv[1] })
  await submit([{ command: 'true' }], { queue, run: 'library' })
  process.stdout.write(JSON.stringify((await status({ queue, run: 'library' })).tasks))`

const nodes: RedisNode[] = []
const begun: Drover[] = []
let certificates: Certificates
const folder = mkdtempSync(join(tmpdir(), 'drover-kinds-'))
afterEach(async () => {
  for (const { process } of begun) process.kill('SIGKILL')
  await Promise.all(begun.splice(0).map(({ exit }) => exit))
  await Promise.all(nodes.splice(0).map((node) => node.remove()))
})
beforeAll(async () => {
  certificates = await makeCertificates()
})
afterAll(() => {
  for (const each of [folder, certificates?.folder]) if (each) rmSync(each, { recursive: true, force: true })
})

function start(words: readonly string[], options: DroverOptions = {}): Drover {
  const drover = new Drover(words, { input: '', ...options })
  begun.push(drover)
  return drover
}

/** `drover work` that has said that it works. */
async function work(queue: string, options: DroverOptions = {}, ...more: string[]): Promise<Drover> {
  const worker = start(['work', '--queue', queue, '-j', '4', '--outputs', 'none', '--name', 'it', ...more], options)
  await until('it works', () => worker.stderr.includes(' works for '), 20_000)
  return worker
}

interface CarryWords {
  readonly options?: DroverOptions
  readonly submitWords?: readonly string[]
  readonly workWords?: readonly string[]
}

/** What a queue is for, on any server: tasks are submitted, run, waited for, looked at and cancelled. */
async function carriesTasks(queue: string, { options = {}, submitWords = [], workWords = [] }: CarryWords = {}) {
  const run = (...words: string[]) => start(words, options).end
  const submission = ['submit', '--queue', queue, '--run', 'many', ...submitWords]
  const submitted = await run(...submission, 'echo {}', ':::', ...ITEMS)
  expect(submitted).toMatchObject({ status: 0, stderr: `drover: ${COUNT} tasks are in the queue\n` })
  const worker = await work(queue, options, ...workWords)
  const waited = await run(...submission, '--wait', '-k', 'echo {}', ':::', ...ITEMS)
  expect(waited).toMatchObject({ status: 0, stdout: `${ITEMS.join('\n')}\n` })
  const seconds = uniqueSleep()
  await run('submit', '--queue', queue, '--run', 'long', ...submitWords, 'sleep {}', ':::', seconds)
  await until('it runs', () => processesWith(`sleep ${seconds}`).length > 0)
  expect(JSON.parse((await run('status', '--queue', queue, '--json')).stdout)).toMatchObject({
    tasks: { waiting: 0, running: 1, done: COUNT },
    workers: [{ name: 'it', running: 1 }],
  })
  expect((await run('cancel', '--queue', queue, 'long')).stdout).toContain('1 running task told to end')
  await until('it is ended', () => processesWith(`sleep ${seconds}`).length === 0, 2_000)
  worker.process.kill('SIGTERM')
  expect(await worker.end).toMatchObject({ status: 0, signal: null })
  const library = start([queue], { ...options, through: [process.execPath, '--input-type=module', '-e', PROGRAM] })
  expect(await library.end).toMatchObject({ status: 0, stdout: '{"waiting":1,"running":0,"done":0}', stderr: '' })
}

it('TLS: with the authority and the certificate from the address or the environment, and with none other', async () => {
  const { ca, cert, key, otherCa } = certificates
  const [caText, otherText] = [`ca=${ca}`, `ca=${otherCa}`]
  const probe = { password: 'hush', tls: { rejectUnauthorized: false } }
  const node = await RedisNode.start(['requirepass hush', 'tls-auth-clients optional'], { certificates, probe })
  nodes.push(node)
  const strict = await RedisNode.start(['tls-auth-clients yes'], {
    certificates,
    probe: { tls: certificates.files },
  })
  nodes.push(strict)
  const env = { DROVER_QUEUE_PASSWORD: 'hush' }
  await carriesTasks(`rediss://localhost:${node.port}?${caText}`, { options: { env } })
  const status = (queue: string, more: NodeJS.ProcessEnv = {}) =>
    start(['status', '--queue', queue], { env: { ...env, ...more } }).end
  const own = `cert=${cert}&key=${key}`
  const accepted = await Promise.all([
    status(`rediss://127.0.0.1:${node.port}`, { NODE_EXTRA_CA_CERTS: ca }),
    status('-', { DROVER_QUEUE: `rediss://:hush@localhost:${node.port}?${caText}`, DROVER_QUEUE_PASSWORD: '' }),
    status(`rediss://localhost:${strict.port}?${caText}&${own}`, { DROVER_QUEUE_PASSWORD: undefined }),
  ])
  for (const end of accepted) expect(end).toMatchObject({ status: 0, stderr: '' })
  const refused = await Promise.all([
    status(`rediss://localhost:${node.port}?${otherText}`),
    status(`rediss://localhost:${node.port}`),
    status(`rediss://127.0.0.2:${node.port}?${caText}`),
    status(`rediss://localhost:${node.port}?${caText}`, { DROVER_QUEUE_PASSWORD: 'wrong' }),
    status(`rediss://localhost:${strict.port}?${caText}`, { DROVER_QUEUE_PASSWORD: undefined }),
    status(`redis://localhost:${node.port}`),
  ])
  const reasons = [
    /reached: (unable|self).* certificate/,
    /reached: (unable|self).* certificate/,
    /127\.0\.0\.2/,
    /WRONGPASS/,
    /certificate required|closed|reset/i,
    /closed|reset/i,
  ]
  for (const [index, { status: code, stderr }] of refused.entries()) {
    expect(stderr).toMatch(/^drover: the queue at rediss?:\/\/\S+ cannot be reached: /)
    expect(stderr).toMatch(reasons[index]!)
    expect(code).toBe(102)
  }
}, 180_000)

it.each([
  ['Sentinels', async () => (await startSentinels(nodes, 1, certificates)).address],
  ['clusters', () => startCluster(nodes, certificates)],
] as const)(
  'TLS with %s, too',
  async (_, begin) => {
    const { ca, cert, key, otherCa } = certificates
    const address = await begin()
    const queue = `${address}?cert=${cert}&key=${key}`
    const worker = await work(`${queue}&ca=${ca}`)
    const [run, refused] = [`${queue}&ca=${ca}`, `${queue}&ca=${otherCa}`].map((each) =>
      start(['run', '--queue', each, '-k', 'echo {}', ':::', '1', '2', '3']),
    )
    expect(await run!.end).toMatchObject({ status: 0, stdout: '1\n2\n3\n', stderr: '' })
    const { status: code, stderr } = await refused!.end
    expect(stderr).toMatch(
      /^drover: the queue at rediss\+\w+:\/\/\S+ cannot be reached: .*its certificate one of the authority/,
    )
    expect(code).toBe(102)
    worker.process.kill('SIGTERM')
    expect(await worker.end).toMatchObject({ status: 0, signal: null })
  },
  60_000,
)

it('Sentinel: the master is found', async () => {
  const { address } = await startSentinels(nodes, 1)
  await carriesTasks(address)
}, 60_000)

it('Cluster: each queue is on one of its nodes, with all that belongs to it', async () => {
  const address = await startCluster(nodes)
  const first = nodes[0]!
  const keys = async () => Promise.all(nodes.map(async (node) => (await node.ask('KEYS', '*')) as string[]))
  const slot = async (name: string) => Number(await first.ask('CLUSTER', 'KEYSLOT', `{drover-${name}}`))
  // The slots are dealt out in three equal parts.
  const placeOf = async (name: string) => Math.floor((await slot(name)) / (16_384 / 3))
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  const places = await Promise.all(names.map(placeOf))
  const [one, two] = [names[0]!, names[places.findIndex((place) => place !== places[0])]!]
  const key = join(folder, 'fleet.key')
  writeFileSync(key, `${'k'.repeat(43)}\n`, { mode: 0o600 })
  await carriesTasks(`${address}?queue=${one}`)
  // With what has keys of its own: limits, and signatures whose use is remembered.
  const queue = `${address}?queue=${two}`
  const limit = await start(['limit', '--queue', queue, '--tag', 'few', '--jobs', '2']).end
  expect(limit).toMatchObject({ status: 0, stdout: expect.stringContaining('2 at once') })
  await carriesTasks(queue, { submitWords: ['--queue-tag', 'few', '--key', key], workWords: ['--key', key] })
  const found = await keys()
  for (const [name, place] of [
    [one, places[0]!],
    [two, await placeOf(two)],
  ] as const) {
    expect(found[place]!.length).toBeGreaterThan(COUNT)
    for (const each of found[place]!) expect(each).toContain(`{drover-${name}}:`)
  }
  expect(found[places[0]!]!.length + found[await placeOf(two)]!.length).toBe(found.flat().length)
  expect(found.flat().some((each) => each.includes(':drover:done:'))).toBe(true)
}, 180_000)
