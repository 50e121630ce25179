import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import { type FleetWorker, work } from '../../src/fleet/fleet-worker.js'
import { QueueRunner, type QueueRunnerOptions } from '../../src/fleet/queue-runner.js'
import type { WorkOptions } from '../../src/fleet/work-options.js'
import type { Result } from '../../src/task/result.js'
import type { Task } from '../../src/task/task.js'
import { SERVERS, type TestServer } from './support.js'

export const KINDS = ['Redis', 'PostgreSQL'] as const

/** A server of this kind for the tests of a `describe`, and workers that end with each of them. */
export function fleetOn(kind: (typeof KINDS)[number]): TestFleet {
  const fleet = new TestFleet(kind)
  beforeAll(() => fleet.begin(), 120_000)
  afterEach(() => fleet.endWorkers())
  afterAll(() => fleet.end())
  return fleet
}

export class TestFleet {
  readonly kind: (typeof KINDS)[number]
  /** The address of a queue that this test has for itself; see {@link newQueue}. */
  queue = ''
  server!: TestServer
  folder!: string
  readonly #workers: FleetWorker[] = []
  #count = 0

  constructor(kind: (typeof KINDS)[number]) {
    this.kind = kind
  }

  async begin(): Promise<void> {
    this.server = await SERVERS[this.kind]()
    this.folder = mkdtempSync(join(tmpdir(), 'drover-fleet-'))
  }

  async endWorkers(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map((worker) => worker.destroy()))
  }

  async end(): Promise<void> {
    await this.server?.remove()
    rmSync(this.folder, { recursive: true, force: true })
  }

  newQueue(): void {
    this.queue = this.server.address(`q${++this.#count}-${process.pid}`)
  }

  /** A file that is there for this test. */
  file(): string {
    return join(this.folder, `file${this.#count}`)
  }

  async worker(options: Partial<WorkOptions> = {}): Promise<FleetWorker> {
    const { queue, folder } = this
    const started = await work({ queue, concurrency: 4, outputs: join(folder, 'outputs'), ...options })
    this.#workers.push(started)
    await started.ready()
    return started
  }

  /** The results, in the order of the tasks. */
  async run(tasks: readonly (Task | string)[], options: Partial<QueueRunnerOptions> = {}): Promise<Result[]> {
    const runner = await QueueRunner.open({ queue: this.queue, ...options })
    try {
      const results: Result[] = []
      for await (const result of dispatch(tasks, { runner, concurrency: 100 })) results.push(result)
      return results.sort((a, b) => a.index - b.index)
    } finally {
      await runner.close()
    }
  }
}

export function linesOf(text: string): string[] {
  return text.split('\n').filter(Boolean)
}

export function linesIn(file: string): string[] {
  return linesOf(readFileSync(file, 'utf8'))
}
