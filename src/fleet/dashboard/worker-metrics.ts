import { RESULT_STATES, type Result } from '../../task/result.js'
import type { RefusalCounts } from '../trust/refusals.js'
import type { BoardQueue } from './board.js'
import { type DashboardPackages, dashboardPackages } from './packages.js'

export interface WorkerMetricsOptions {
  /** The queue that the worker takes its tasks from. */
  readonly queue: BoardQueue
  /** How many tasks were refused so far, by reason. */
  readonly refused?: (() => RefusalCounts) | undefined
}

/** How long the server may take to count, before the rest is told without. */
const COUNT_MS = 2_000
/** Seconds: tasks take from a blink to a day. */
const BUCKETS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000, 3_600, 10_000, 36_000, 86_400]

type Measured = Pick<Result<unknown>, 'state' | 'durationMs' | 'cpuUserMs' | 'cpuSystemMs'>

/** What one worker counts, for Prometheus. */
export class WorkerMetrics {
  readonly #registry: InstanceType<DashboardPackages['metrics']['Registry']>
  readonly #running: { inc(): void; dec(): void }
  readonly #ended: (result: Measured) => void
  readonly #count: () => Promise<void>

  private constructor(
    { Counter, Gauge, Histogram, Registry, collectDefaultMetrics }: DashboardPackages['metrics'],
    options: WorkerMetricsOptions,
  ) {
    const { queue, refused } = options
    const registry = new Registry()
    const registers = [registry]
    registry.setDefaultLabels({ queue: queue.name })
    collectDefaultMetrics({ register: registry })
    this.#registry = registry
    this.#running = new Gauge({ name: 'drover_tasks_running', help: 'Tasks that run now.', registers })
    const tasks = new Counter({
      name: 'drover_tasks_total',
      help: 'Tasks that this worker has ended, by the state of their result.',
      labelNames: ['state'],
      registers,
    })
    for (const state of RESULT_STATES) tasks.inc({ state }, 0)
    const duration = new Histogram({
      name: 'drover_task_duration_seconds',
      help: 'How long tasks ran.',
      buckets: BUCKETS,
      registers,
    })
    const cpu = new Counter({
      name: 'drover_task_cpu_seconds_total',
      help: 'Processor time of tasks.',
      labelNames: ['mode'],
      registers,
    })
    this.#ended = ({ state, durationMs, cpuUserMs, cpuSystemMs }) => {
      tasks.inc({ state })
      duration.observe(durationMs / 1000)
      cpu.inc({ mode: 'user' }, (cpuUserMs ?? 0) / 1000)
      cpu.inc({ mode: 'system' }, (cpuSystemMs ?? 0) / 1000)
    }
    if (refused !== undefined) {
      new Counter({
        name: 'drover_tasks_refused_total',
        help: 'Tasks that were not run because of their signature, by reason.',
        labelNames: ['reason'],
        registers,
        collect() {
          this.reset()
          for (const [reason, count] of Object.entries(refused())) this.inc({ reason }, count)
        },
      })
    }
    const up = new Gauge({ name: 'drover_queue_up', help: 'Whether the server of the queue answers.', registers })
    const depth = new Gauge({
      name: 'drover_queue_tasks',
      help: 'Tasks in the queue, by where they stand.',
      labelNames: ['state'],
      registers,
    })
    this.#count = async () => {
      const counts = await countsOf(queue)
      up.set(counts === null ? 0 : 1)
      depth.reset()
      for (const [state, count] of Object.entries(counts ?? {})) depth.set({ state }, count)
    }
  }

  /** @throws DroverError `ERR_DROVER_PACKAGE` (as a rejection) where prom-client is not installed. */
  static async create(options: WorkerMetricsOptions): Promise<WorkerMetrics> {
    return new WorkerMetrics((await dashboardPackages()).metrics, options)
  }

  /** A task begins to run. */
  started(): void {
    this.#running.inc()
  }

  /** A task that had begun has ended. */
  ended(result: Measured): void {
    this.#running.dec()
    this.#ended(result)
  }

  /** A task that had begun is another worker's to end. */
  handedBack(): void {
    this.#running.dec()
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** All of it, in Prometheus's text form. */
  async text(): Promise<string> {
    await this.#count()
    return this.#registry.metrics()
  }
}

/** Null when the server does not answer in time. */
async function countsOf(queue: BoardQueue): Promise<Readonly<Record<string, number>> | null> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), COUNT_MS)
  })
  try {
    return await Promise.race([queue.getJobCounts().catch(() => null), late])
  } finally {
    clearTimeout(timer)
  }
}
