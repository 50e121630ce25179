import type { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { work } from '../../src/fleet/fleet-worker.js'
import { Drover, drover } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { KINDS } from './fleet-on.js'
import { SERVERS, startPostgres, type TestServer } from './support.js'

const FLEET = new URL('../../dist/fleet/index.js', import.meta.url).href

/** Ends by itself when it is closed, if nothing is left that keeps it. */
const WORKER = `
import { work } from ${JSON.stringify(FLEET)}
const worker = await work({ queue: process.argv[1], concurrency: 2, lockMs: 60_000 })
process.once('SIGTERM', async () => {
  await worker.close()
  console.log('closed')
})
await worker.ready()
console.log('ready')
`

describe.each(KINDS)('when the server has gone for good, on %s', (kind) => {
  let server: TestServer
  let queue: string

  beforeEach(async () => {
    server = await SERVERS[kind]()
    queue = server.address('gone')
  }, 60_000)
  afterEach(() => server.remove())

  const goes = () => server.stop('SIGKILL')
  const says = (drover: Drover, what: string) =>
    until(`it says ${what}`, () => `${drover.stdout}${drover.stderr}`.includes(what), 20_000)

  it('an idle worker ends when it is told to', async () => {
    const worker = new Drover(['work', '--queue', queue, '--lock', '60s'])
    await says(worker, 'works for')
    await goes()
    await says(worker, 'going on when it is there again')
    worker.process.kill('SIGTERM')
    const { status, signal, stderr } = await worker.end
    expect([status, signal], stderr).toEqual([0, null])
  })

  it('a busy worker ends at the second time, and its tasks with it', async () => {
    const sleep = uniqueSleep()
    const worker = new Drover(['work', '--queue', queue, '--lock', '60s'])
    expect(await drover(['submit', '--queue', queue, 'sleep', ':::', sleep])).toMatchObject({ status: 0 })
    await until('its task runs', () => processesWith(sleep).length > 0, 20_000)
    await goes()
    worker.process.kill('SIGTERM')
    await says(worker, 'finishing 1 task')
    worker.process.kill('SIGTERM')
    const { status, signal, stderr } = await worker.end
    expect([status, signal], stderr).toEqual([0, null])
    expect(processesWith(sleep)).toEqual([])
  })

  it('nothing of a closed worker keeps its program alive', async () => {
    const words = [process.execPath, '--input-type=module', '-e', WORKER]
    const program = new Drover([queue], { through: words })
    await says(program, 'ready')
    await goes()
    program.process.kill('SIGTERM')
    expect(await program.end).toMatchObject({ status: 0, signal: null, stderr: '', stdout: 'ready\nclosed\n' })
  })

  it('a run that waits for its results ends by a signal', async () => {
    const run = new Drover(['run', '--queue', queue, '--progress', 'echo {}', ':::', 'a', 'b'])
    await says(run, '0 of 2 done')
    await goes()
    run.process.kill('SIGINT')
    expect(await run.exit).toEqual([null, 'SIGINT'])
  })
})

it('what PostgreSQL tells a client that is closed by then ends no program', async () => {
  const server = await startPostgres()
  onTestFinished(() => server.remove())
  const queue = server.address('closed')
  const worker = await work({ queue, concurrency: 1 })
  await worker.ready()
  const { connection } = worker.bull.getBackend() as unknown as { connection: { listenClient?: EventEmitter } }
  await until('it listens', () => connection.listenClient !== undefined)
  const client = connection.listenClient!
  await worker.close()
  expect(connection.listenClient).toBe(undefined)
  expect(() => client.emit('error', new Error('terminating connection'))).not.toThrow()
})
