import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import { QueueRunner } from '../../src/fleet/queue-runner.js'
import { status } from '../../src/fleet/status.js'
import type { Result } from '../../src/task/result.js'
import { Drover, PROGRAM } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { startRedis, type TestServer } from './support.js'

const LOCK_MS = 3_000
const ip = (...words: string[]) => execFileSync('ip', words, { stdio: ['ignore', 'pipe', 'pipe'] }).toString()

/** Two machines: network namespaces with a cable to this one each. */
class Machine {
  readonly name: string
  readonly #cable: string
  /** What this machine is for it. */
  readonly gateway: string

  constructor(number: number) {
    this.name = `drover-${process.pid}-${number}`
    this.#cable = `dr${process.pid % 100_000}-${number}`
    const net = `10.${200 + number}.${process.pid % 250}`
    this.gateway = `${net}.1`
    ip('netns', 'add', this.name)
    ip('link', 'add', this.#cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.name)
    ip('addr', 'add', `${this.gateway}/24`, 'dev', this.#cable)
    ip('link', 'set', this.#cable, 'up')
    ip('-n', this.name, 'addr', 'add', `${net}.2/24`, 'dev', 'eth0')
    ip('-n', this.name, 'link', 'set', 'eth0', 'up')
    ip('-n', this.name, 'link', 'set', 'lo', 'up')
  }

  unplug(): void {
    ip('link', 'set', this.#cable, 'down')
  }

  plugIn(): void {
    ip('link', 'set', this.#cable, 'up')
  }

  remove(): void {
    ip('netns', 'del', this.name)
  }
}

let server: TestServer
let folder: string
const machines: Machine[] = []
const workers: Drover[] = []

beforeAll(async () => {
  server = await startRedis()
  folder = mkdtempSync(join(tmpdir(), 'drover-network-'))
  for (const number of [1, 2]) machines.push(new Machine(number))
}, 120_000)
afterAll(async () => {
  for (const worker of workers) worker.process.kill('SIGKILL')
  await Promise.all(workers.map(({ exit }) => exit))
  for (const machine of machines) machine.remove()
  await server?.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** `drover work` on another machine, which tells its tasks where they are. */
function workOn(machine: Machine, who: string): Drover {
  const queue = server.address('net').replace('127.0.0.1', machine.gateway)
  const words = ['work', '--queue', queue, '--name', who, '--lock', `${LOCK_MS}ms`, '-j', '1', '--pass-env', 'WHO']
  const worker = new Drover([...words, '--outputs', 'none', '--verbose'], {
    env: { WHO: who },
    through: ['ip', 'netns', 'exec', machine.name, process.execPath, PROGRAM],
  })
  workers.push(worker)
  return worker
}

it('a machine that is cut off for longer than its lock lasts ends its task, which runs elsewhere, and has its late result refused', async () => {
  const queue = server.address('net')
  const seconds = uniqueSleep()
  const file = join(folder, 'begun')
  workOn(machines[0]!, 'first')
  await until('the first works', async () => (await status({ queue })).workers.length === 1)
  const runner = await QueueRunner.open({ queue })
  try {
    const task = `if test -e ${file}; then echo $WHO; else touch ${file}; setsid sleep ${seconds} & sleep ${seconds}; fi`
    const iterator = dispatch([task], { runner })[Symbol.asyncIterator]()
    const result = iterator.next() as Promise<IteratorResult<Result>>
    await until('it runs', () => processesWith(`sleep ${seconds}`).length >= 2)
    machines[0]!.unplug()
    const cutMs = performance.now()
    workOn(machines[1]!, 'second')
    await until('nothing of it is left', () => processesWith(`sleep ${seconds}`).length === 0, LOCK_MS)
    expect(performance.now() - cutMs).toBeLessThan(LOCK_MS)
    expect((await result).value).toMatchObject({ state: 'succeeded', stdout: 'second\n' })
    machines[0]!.plugIn()
    const job = async () => (await status({ queue })).tasks
    await until('the first is there again', async () => (await status({ queue })).workers.length === 2, 20_000)
    expect(await job()).toEqual({ waiting: 0, running: 0, done: 1 })
    workers[1]!.process.kill('SIGTERM')
    await workers[1]!.exit
    const again = await QueueRunner.open({ queue })
    const results = []
    for await (const next of dispatch(['echo $WHO'], { runner: again })) results.push(next.stdout)
    await again.close()
    expect(results).toEqual(['first\n'])
    // It has told nothing of the task that it had to give up.
    workers[0]!.process.kill('SIGTERM')
    const { stderr, status: code } = await workers[0]!.end
    expect(stderr).toContain('tasks done: 1, handed back: 1')
    expect(code).toBe(0)
  } finally {
    await runner.close()
  }
}, 60_000)
