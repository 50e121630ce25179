import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import type { TaskJob } from '../../src/fleet/backend.js'
import { withQueue } from '../../src/fleet/open-queue.js'
import { QueueRunner } from '../../src/fleet/queue-runner.js'
import { Drover } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { SERVERS, type TestServer } from './support.js'

/** How many workers are killed, about. */
const KILLS = 24

/** Three workers, each in a process of its own, which are killed at random and started again. */
class DoomedWorkers {
  readonly #address: string
  readonly #folder: string
  readonly #workers: Drover[]
  #isOver = false
  kills = 0

  constructor(address: string, folder: string) {
    this.#address = address
    this.#folder = folder
    this.#workers = Array.from({ length: 3 }, () => this.#start())
  }

  /** Kills one of them, any of them, and starts another in its place. */
  async kill(): Promise<void> {
    if (this.#isOver) return
    const doomed = Math.floor(Math.random() * this.#workers.length)
    const worker = this.#workers[doomed]!
    this.#workers[doomed] = this.#start()
    this.kills += 1
    worker.process.kill('SIGKILL')
    await worker.exit
  }

  /** Kills all of them for good. */
  async end(): Promise<void> {
    this.#isOver = true
    for (const { process } of this.#workers) process.kill('SIGKILL')
    await Promise.all(this.#workers.map(({ exit }) => exit))
  }

  #start(): Drover {
    const words = ['--queue', this.#address, '-j', '6', '--lock', '2s', '--max-lost', '1000', '--outputs', this.#folder]
    return new Drover(['work', '--quiet', ...words], { paused: true })
  }
}

let server: TestServer | null = null
let workers: DoomedWorkers | null = null
const folder = mkdtempSync(join(tmpdir(), 'drover-crashes-'))
afterEach(async () => {
  // Also of a test that was given up, which does not come to its own end.
  await workers?.end()
  workers = null
  await server?.remove()
  server = null
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const COUNT = 5_000

describe.each(['Redis', 'PostgreSQL'] as const)('on %s', (kind) => {
  it(`${COUNT} tasks on three workers that are killed, with a server that is started again: one result each, nothing left`, async () => {
    server = await SERVERS[kind]()
    const address = server.address('crashes')
    const seconds = uniqueSleep()
    const log = join(folder, `${kind}.log`)
    // Each twentieth leaves a process behind, and takes a while.
    const tasks = Array.from({ length: COUNT }, (_, index) =>
      index % 20 === 0
        ? `sleep ${seconds} & echo ${index} >> ${log}; sleep 0.1; echo ${index}`
        : `echo ${index} >> ${log}; echo ${index}`,
    )
    workers = new DoomedWorkers(address, folder)
    const everyMost = (2 * COUNT) / KILLS
    let killAt = Math.random() * everyMost
    let done = 0
    const runner = await QueueRunner.open({ queue: address, run: 'crashes' })
    const found: (string | undefined)[] = []
    let isRestarted = false
    try {
      for await (const result of dispatch(tasks, { runner, concurrency: COUNT })) {
        expect(result).toMatchObject({ state: 'succeeded', error: null })
        expect(found[result.index]).toBeUndefined()
        found[result.index] = result.stdout
        done += 1
        // By what is done and not by the clock: on a busy machine they would never come to do anything.
        if (done >= killAt) {
          killAt = done + Math.random() * everyMost
          await workers.kill()
        }
        if (isRestarted || done < COUNT / 2) continue
        isRestarted = true
        await server.stop()
        await server.start()
      }
      expect(found).toEqual(tasks.map((_, index) => `${index}\n`))
      expect(isRestarted).toBe(true)
      expect(workers.kills).toBeGreaterThan(3)
      await withQueue(address, {}, async ({ queue }) => {
        const counts = async () => queue.getJobCounts('completed', 'failed', 'active', 'wait', 'prioritized', 'delayed')
        expect(await counts()).toEqual({ completed: COUNT, failed: 0, active: 0, wait: 0, prioritized: 0, delayed: 0 })
        const jobs = (await queue.getJobs(['completed'])) as unknown as TaskJob[]
        expect(new Set(jobs.map(({ id }) => id)).size).toBe(COUNT)
        for (const { data, returnvalue } of jobs)
          expect(returnvalue).toMatchObject({ state: 'succeeded', stdout: `${data.index}\n` })
      })
      // At least once, and some more than once.
      const begun = readFileSync(log, 'utf8').trimEnd().split('\n')
      expect(new Set(begun).size).toBe(COUNT)
      console.log(`${kind}: ${COUNT} tasks, ${begun.length} starts, ${workers.kills} workers killed`)
    } finally {
      await workers.end()
      await runner.close()
    }
    await until('no process is left', () => processesWith(seconds).length === 0)
  }, 240_000)
})
