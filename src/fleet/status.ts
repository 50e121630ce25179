import type { BackendOptions, TaskJob, TaskQueue } from './backend.js'
import type { CancelMark } from './control.js'
import { askQueue, type OpenQueue, type QueueChoice } from './open-queue.js'
import { checkRun, runOfJob } from './task-envelope.js'

/** What is looked at. */
export interface StatusOptions extends BackendOptions {
  /** The queue. */
  readonly queue: QueueChoice
  /** Counts the tasks of this run alone, which takes a look at each name in the queue. Default: all of them are counted. */
  readonly run?: string | undefined
}

/** Tasks of a queue, or of one run in it. */
export interface TaskCounts {
  /** Wait for a worker. */
  readonly waiting: number
  /** Are with a worker. */
  readonly running: number
  /** Have a result that has not expired. */
  readonly done: number
}

/** A task that a worker has. */
export interface RunningTask {
  /** The id of its run. */
  readonly run: string
  /** The user's name for it; null when it has none. */
  readonly id: string | null
  /** Its content key. */
  readonly key: string
  /** Which worker has it. */
  readonly worker: string | null
  /** ISO 8601 in UTC. */
  readonly takenAt: string | null
  /** How often a worker was lost while it had this task. */
  readonly lost: number
}

/** How a queue stands at this moment. */
export interface FleetStatus {
  /** The queue's name. */
  readonly queue: string
  /** How many wait, run and are done. */
  readonly tasks: TaskCounts
  /** The run that was asked for; null for all. */
  readonly run: string | null
  /** Those that are connected, and how many tasks each has. */
  readonly workers: readonly { readonly name: string; readonly running: number }[]
  /** The tasks that workers have. */
  readonly running: readonly RunningTask[]
  /** What `drover cancel` was called for. */
  readonly cancelled: readonly CancelMark[]
  /** What holds for the whole fleet. */
  readonly limits: QueueLimits
}

/** What holds for the whole fleet. */
export interface QueueLimits {
  /** Tasks that run at once, on all machines together; null for no limit. */
  readonly concurrency: number | null
  /** Tasks that are started in so many milliseconds; null for no limit. */
  readonly rate: { readonly max: number; readonly perMs: number } | null
}

const WAITING = ['wait', 'prioritized', 'delayed'] as const
const DONE = ['completed', 'failed'] as const
/** What is longer of the name of a connection PostgreSQL cuts off. */
const MOST_NAME_BYTES = 63
/** Names that are read at a time. */
const PAGE = 5_000

/** How a queue stands. @throws (as a rejection) OptionError, QueueError. */
export async function status(options: StatusOptions): Promise<FleetStatus> {
  const run = options.run === undefined ? null : checkRun(options.run)
  return askQueue(options.queue, options, (opened) => statusOf(opened, run))
}

async function statusOf({ backend, queue, control }: OpenQueue, run: string | null): Promise<FleetStatus> {
  const [active, workers, cancelled, tasks, limits] = await Promise.all([
    queue.getJobs(['active']) as Promise<(TaskJob | undefined)[]>,
    queue.getWorkers(),
    control.marks(),
    run === null ? countAll(queue) : countRun(queue, run),
    limitsOf(queue),
  ])
  const running = active
    .filter((job) => job !== undefined)
    .filter(({ data }) => run === null || data.run === run)
    .map(runningTask)
  const isPostgres = backend.address.kind === 'postgres'
  const names = workers.flatMap(({ name, rawname }) => {
    const whole = rawname ?? name ?? ''
    const own = workerName(whole)
    if (own === null || !isPostgres || Buffer.byteLength(whole) < MOST_NAME_BYTES) return own ?? []
    return active.find((job) => job?.processedBy?.startsWith(own))?.processedBy ?? own
  })
  const withCount = (name: string) => ({ name, running: running.filter(({ worker }) => worker === name).length })
  return {
    queue: queue.name,
    tasks,
    run,
    workers: [...new Set(names)].sort().map(withCount),
    running,
    cancelled,
    limits,
  }
}

export async function limitsOf(queue: TaskQueue): Promise<QueueLimits> {
  const [concurrency, rate] = await Promise.all([queue.getGlobalConcurrency(), queue.getGlobalRateLimit()])
  return { concurrency, rate: rate === null ? null : { max: rate.max, perMs: rate.duration } }
}

async function countAll(queue: TaskQueue): Promise<TaskCounts> {
  const counts = await queue.getJobCounts(...WAITING, 'active', ...DONE)
  const sum = (states: readonly string[]) => states.reduce((total, state) => total + (counts[state] ?? 0), 0)
  return { waiting: sum(WAITING), running: sum(['active']), done: sum(DONE) }
}

async function countRun(queue: TaskQueue, run: string): Promise<TaskCounts> {
  const count = async (states: readonly string[]) => {
    let found = 0
    for (const state of states) {
      for (let start = 0; ; start += PAGE) {
        const [ids = []] = await queue.getBackend().getRanges([state as never], start, start + PAGE - 1, true)
        found += (ids as string[]).filter((id) => runOfJob(id) === run).length
        if ((ids as string[]).length < PAGE) break
      }
    }
    return found
  }
  return { waiting: await count(WAITING), running: await count(['active']), done: await count(DONE) }
}

function runningTask(job: TaskJob): RunningTask {
  const { run, id, key } = job.data
  return {
    run,
    id: id ?? null,
    key,
    worker: job.processedBy ?? null,
    takenAt: job.processedOn === undefined ? null : new Date(job.processedOn).toISOString(),
    lost: job.stalledCounter,
  }
}

/** BullMQ gives a connection a name that ends with that of its worker. */
function workerName(connection: string): string | null {
  return /:w:(.*)$/.exec(connection)?.[1] ?? null
}
