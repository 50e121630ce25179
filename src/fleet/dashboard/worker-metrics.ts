import type { Result } from '../../task/result.js'
import type { RefusalCounts } from '../trust/refusals.js'
import type { WorkCounts } from '../work-counts.js'
import type { DashboardPackages } from './packages.js'
import type { BoardQueue } from './queue-shape.js'

export interface WorkerMetricsOptions {
  /** The queue that the worker takes its tasks from. */
  readonly queue: BoardQueue
  /** What the worker has done so far: its `counts()`. */
  readonly counts: () => WorkCounts
  /** How many tasks were refused because of their signature so far, by reason. */
  readonly refused?: (() => RefusalCounts) | undefined
}

/** How long the server may take to count, before the rest is told without. */
const COUNT_MS = 2_000
/** Seconds: tasks take from a blink to a day. */
const BUCKETS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1_000, 3_600, 10_000, 36_000, 86_400]

/** What a result says of how the task ran; a packed one leaves out what is as usual. */
export type Measured = Partial<Pick<Result<unknown>, 'startedAt' | 'durationMs' | 'cpuUserMs' | 'cpuSystemMs'>>

/** What one worker counts, for Prometheus. */
export class WorkerMetrics {
  readonly #registry: InstanceType<DashboardPackages['metrics']['Registry']>
  readonly #ended: (result: Measured) => void
  readonly #countQueue: () => Promise<void>

  constructor(
    { Counter, Gauge, Histogram, Registry, collectDefaultMetrics }: DashboardPackages['metrics'],
    { queue, counts, refused }: WorkerMetricsOptions,
  ) {
    const registry = new Registry()
    const registers = [registry]
    registry.setDefaultLabels({ queue: queue.name })
    collectDefaultMetrics({ register: registry })
    this.#registry = registry
    /** One that somebody else counts. */
    const counted = (name: string, help: string, count: () => number) =>
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset()
          this.inc(count())
        },
      })
    const countedBy = <Label extends string>(label: Label, name: string, help: string, count: () => object) =>
      new Counter<Label>({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          this.reset()
          const each = Object.entries(count()) as [string, number][]
          for (const [value, number] of each) this.inc({ [label]: value } as Record<Label, string>, number)
        },
      })
    new Gauge({
      name: 'drover_tasks_running',
      help: 'Tasks that are with this worker now.',
      registers,
      collect() {
        this.set(counts().active)
      },
    })
    countedBy('state', 'drover_tasks_total', 'Tasks that this worker has ended, by the state of their result.', () => {
      return counts().byState
    })
    countedBy('reason', 'drover_tasks_refused_total', 'Tasks that were not run, by reason.', () => {
      const { ERR_DROVER_REFUSED: bySignature, ...others } = counts().refused
      return refused === undefined ? counts().refused : { ...refused(), ...others }
    })
    counted('drover_tasks_handed_back_total', 'Tasks given back to the queue.', () => counts().handedBack)
    counted('drover_locks_lost_total', 'Tasks ended because their lock was lost.', () => counts().locksLost)
    counted('drover_late_results_total', 'Results that the server has refused.', () => counts().lateResults)
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
    this.#ended = ({ durationMs = 0, cpuUserMs, cpuSystemMs }) => {
      duration.observe(durationMs / 1000)
      cpu.inc({ mode: 'user' }, (cpuUserMs ?? 0) / 1000)
      cpu.inc({ mode: 'system' }, (cpuSystemMs ?? 0) / 1000)
    }
    const up = new Gauge({ name: 'drover_queue_up', help: 'Whether the server of the queue answers.', registers })
    const depth = new Gauge({
      name: 'drover_queue_tasks',
      help: 'Tasks in the queue, by where they stand.',
      labelNames: ['state'],
      registers,
    })
    this.#countQueue = async () => {
      const found = await countsOf(queue)
      up.set(found === null ? 0 : 1)
      depth.reset()
      for (const [state, count] of Object.entries(found ?? {})) depth.set({ state }, count)
    }
  }

  /** To be told of each result. Those of tasks that never ran are not measured. */
  ended(result: Measured): void {
    if (typeof result.startedAt === 'string') this.#ended(result)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** All of it, in Prometheus's text form. */
  async text(): Promise<string> {
    await this.#countQueue()
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
