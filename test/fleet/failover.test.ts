import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { status } from '../../src/fleet/status.js'
import { Drover, resultsOf } from '../helpers/drover.js'
import { until } from '../helpers/until.js'
import { addReplica, type RedisNode, startCluster, startSentinels } from './redis-kinds.js'

const COUNT = 200
const ITEMS = Array.from({ length: COUNT }, (_, index) => String(index))

let folder: string
const nodes: RedisNode[] = []
const begun: Drover[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-failover-'))
})
afterEach(async () => {
  for (const { process } of begun) process.kill('SIGKILL')
  await Promise.all(begun.splice(0).map(({ exit }) => exit))
  await Promise.all(nodes.splice(0).map((node) => node.remove()))
  rmSync(folder, { recursive: true, force: true })
})

function start(...words: string[]): Drover {
  const drover = new Drover(words, { input: '' })
  begun.push(drover)
  return drover
}

/** Tasks that are running, waiting and being submitted while the server's place is taken by another have one final result each. */
async function carriesOn(queue: string, kill: () => Promise<void>): Promise<void> {
  const log = join(folder, 'begun')
  const workers = ['one', 'two'].map((name) =>
    start('work', '--queue', queue, '-j', '3', '--lock', '2s', '--outputs', 'none', '--name', name),
  )
  for (const worker of workers) await until('it works', () => worker.stderr.includes(' works for '), 20_000)
  const run = start('run', '--queue', queue, '--json', `echo {} >> ${log}; sleep 0.1; echo {}`, ':::', ...ITEMS)
  const soFar = () => run.stdout.split('\n').length - 1
  await until('some are done', () => soFar() >= 20, 20_000)
  await kill()
  expect(soFar()).toBeLessThan(COUNT)
  const late = start('submit', '--queue', queue, '--run', 'late', 'echo late {}', ':::', ...ITEMS.slice(0, 10))
  const end = await run.end
  expect(end).toMatchObject({ status: 0, stderr: '' })
  const results = resultsOf(end)
  expect(results.map(({ index, stdout }) => [index, stdout]).sort(([a], [b]) => Number(a) - Number(b))).toEqual(
    ITEMS.map((item, index) => [index, `${item}\n`]),
  )
  expect(new Set(results.map(({ state }) => state))).toEqual(new Set(['succeeded']))
  expect(await late.end).toMatchObject({ status: 0, stderr: 'drover: 10 tasks are in the queue\n' })
  // What was told of and then lost with the master is run once more.
  const done = { waiting: 0, running: 0, done: COUNT + 10 }
  await until('nothing is left', async () => (await status({ queue })).tasks.done === done.done, 20_000)
  expect((await status({ queue })).tasks).toEqual(done)
  const starts = readFileSync(log, 'utf8').trimEnd().split('\n')
  expect(new Set(starts).size).toBe(COUNT)
  console.log(`${COUNT} tasks, ${starts.length} starts`)
  for (const { process } of workers) process.kill('SIGTERM')
  for (const worker of workers) expect(await worker.end).toMatchObject({ status: 0, signal: null })
}

it('Sentinels: the master is killed, and one of those that watch it', async () => {
  const { master, replica, sentinels, address, ready } = await startSentinels(nodes, 3)
  await ready()
  await carriesOn(address, async () => {
    await Promise.all([master.kill(), sentinels[0]!.kill()])
  })
  expect(`${await replica.ask('ROLE')}`).toMatch(/^master/)
}, 60_000)

it('Cluster: the node that the queue is on is killed', async () => {
  const address = await startCluster(nodes)
  const [master] = nodes as [RedisNode]
  const replica = await addReplica(nodes, master)
  await carriesOn(`${address}?queue=${await queueOn(master)}`, () => master.kill())
  expect(`${await replica.ask('ROLE')}`).toMatch(/^master/)
}, 60_000)

/** The name of a queue whose keys this node has. */
async function queueOn(node: RedisNode): Promise<string> {
  for (let count = 0; ; count++) {
    // Another node answers where they are.
    const isThere = await node.ask('EXISTS', `{drover-q${count}}`).then(
      () => true,
      () => false,
    )
    if (isThere) return `q${count}`
  }
}
