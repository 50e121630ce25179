import type {
  BackendFactory,
  IQueueBackend,
  Job,
  JobProgress,
  Queue,
  QueueBaseOptions,
  QueueEvents,
  Telemetry,
  Worker,
  WorkerOptions,
} from 'bullmq'
import type { Redis } from 'ioredis'
import { describeAddress, isTlsAddress, type QueueAddress } from './address.js'
import {
  CONNECT_MS,
  clusterBackend,
  isDisconnection,
  postgresBackend,
  postgresConnection,
  reconnectMs,
  redisConnection,
} from './connection.js'
import { QueueError, reasonOf } from './fleet-error.js'
import type { PackedResult } from './packed-result.js'
import type { TaskEnvelope } from './task-envelope.js'

export type BullModule = typeof import('bullmq')
export type TaskJob = Job<TaskEnvelope, PackedResult, string>
export type TaskQueue = Queue<
  TaskEnvelope,
  PackedResult,
  string,
  TaskEnvelope,
  PackedResult,
  string,
  IQueueBackend,
  unknown
>
export type TaskWorker = Worker<TaskEnvelope, PackedResult, string, IQueueBackend, JobProgress, unknown>
export type TaskWorkerClass = typeof Worker<TaskEnvelope, PackedResult, string, IQueueBackend, JobProgress, unknown>
export type TaskEvents = QueueEvents<PackedResult, IQueueBackend, unknown>

/** What all that speaks to a queue takes. */
export interface BackendOptions {
  /** OpenTelemetry, as `bullmq-otel` makes it. */
  readonly telemetry?: Telemetry | undefined
}

/**
 * The one place that knows that there are two kinds of servers: what BullMQ is told so that it speaks to this one.
 */
export class Backend {
  readonly address: QueueAddress
  readonly bull: BullModule
  readonly #factory: BackendFactory<IQueueBackend, unknown>
  readonly #connection: unknown
  readonly #telemetry: Telemetry | undefined

  private constructor(address: QueueAddress, bull: BullModule, way: Way, options: BackendOptions) {
    this.address = address
    this.bull = bull
    this.#factory = way.factory
    this.#connection = way.connection
    this.#telemetry = options.telemetry
  }

  /**
   * Loads the packages that speak to the server. Connects to nothing yet.
   *
   * @throws (as a rejection) QueueError when one of them is not installed; OptionError for a file of the address that cannot be read.
   */
  static async load(address: QueueAddress, options: BackendOptions = {}): Promise<Backend> {
    const driver = address.kind === 'postgres' ? 'pg' : 'ioredis'
    const [bull] = await Promise.all([
      import('bullmq').catch((error) => missing('bullmq', driver, error)),
      (driver === 'pg' ? import('pg') : import('ioredis')).catch((error) => missing(driver, driver, error)),
    ])
    return new Backend(address, bull, await wayTo(address, bull), options)
  }

  /** What everybody else may use of it, such as a dashboard. */
  get queueOptions(): QueueBaseOptions<unknown> & { prefix: string } {
    return {
      connection: this.#connection,
      prefix: prefixOf(this.address.queue),
      ...(this.#telemetry !== undefined && { telemetry: this.#telemetry }),
    }
  }

  queue(name: string = this.address.queue): TaskQueue {
    const queue = new this.bull.Queue(
      name,
      { ...this.queueOptions, streams: { events: { maxLen: MOST_EVENTS } } },
      this.#factory,
    ) as TaskQueue
    queue.on('error', () => {})
    return queue
  }

  events(name: string = this.address.queue): TaskEvents {
    const events = new this.bull.QueueEvents(name, this.queueOptions, this.#factory) as TaskEvents
    events.on('error', () => {})
    return events
  }

  /** Takes jobs only when it is told to. */
  takerOf(name: string, options: Pick<WorkerOptions<unknown>, 'lockDuration' | 'stalledInterval'>): TaskWorker {
    const all = { ...options, ...this.queueOptions, autorun: false, maxStalledCount: Number.MAX_SAFE_INTEGER }
    const Class = this.bull.Worker as unknown as TaskWorkerClass
    const worker = new Class(name, null, all as never, this.#factory as never)
    worker.on('error', () => {})
    return worker
  }

  worker<Kind extends TaskWorkerClass>(
    Class: Kind,
    processor: (job: TaskJob, token?: string) => Promise<PackedResult>,
    options: Omit<WorkerOptions<unknown>, 'connection' | 'prefix'>,
  ): InstanceType<Kind> {
    const all = { ...options, ...this.queueOptions }
    return new Class(this.address.queue, processor as never, all as never, this.#factory as never) as InstanceType<Kind>
  }

  /**
   * Wakes one worker that waits for tasks, after one was handed back: BullMQ itself tells nobody, and whoever waits would ask only within five
   * seconds. On Redis this is the mark that it sets when a job is added.
   */
  async nudge(worker: TaskWorker): Promise<void> {
    if (this.address.kind === 'postgres') return
    const { client } = worker.getBackend() as unknown as { client: Promise<Pick<Redis, 'zadd'>> }
    await client.then((redis) => redis.zadd(worker.toKey('marker'), 0, '0')).catch(() => {})
  }

  /** Resolves when the server has answered. @throws (as a rejection) QueueError when it does not in time. */
  async ready(connected: TaskQueue): Promise<void> {
    let last: unknown = null
    let timer: NodeJS.Timeout | undefined
    const onError = (error: unknown) => {
      last = error
    }
    connected.on('error', onError)
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(last ?? new Error('no answer')), CONNECT_MS)
    })
    try {
      await Promise.race([connected.waitUntilReady(), late, this.#refused(() => last)])
    } catch (error) {
      await connected
        .getBackend()
        .close(true)
        .catch(() => {})
      throw new QueueError(
        `the queue at ${describeAddress(this.address)} cannot be reached: ${reasonOf(last ?? error)}; ${hintFor(this.address)}`,
        { cause: error },
      )
    } finally {
      clearTimeout(timer)
      connected.off('error', onError)
    }
  }

  /**
   * Does something that may be done twice, again and again while the server cannot be reached.
   *
   * @param forMs - for how long it is tried. Default: for ever.
   * @throws (as a rejection) QueueError after that time, and what the call has thrown for another reason.
   */
  async patiently<T>(call: () => Promise<T>, forMs = Number.POSITIVE_INFINITY): Promise<T> {
    const untilMs = performance.now() + forMs
    for (let times = 0; ; times++) {
      try {
        return await call()
      } catch (error) {
        if (!isDisconnection(error)) throw error
        const pauseMs = reconnectMs(times)
        if (performance.now() + pauseMs > untilMs)
          throw new QueueError(
            `the queue at ${describeAddress(this.address)} could not be reached any more: ${reasonOf(error)}; is the server running?`,
            { cause: error },
          )
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
    }
  }

  /** Sentinels were reached, and name a server that does not answer: they will soon name another. */
  #mayBeMoving(error: unknown): boolean {
    return this.address.kind === 'sentinel' && !reasonOf(error).includes('sentinels are unreachable')
  }

  /** Rejects as soon as the server has refused, a moment later so that one that is just starting gets a second try. */
  async #refused(last: () => unknown): Promise<never> {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 300).unref())
      if (last() === null || this.#mayBeMoving(last())) continue
      await new Promise((resolve) => setTimeout(resolve, 1_500).unref())
      throw last()
    }
  }
}

/** Events that are kept of a queue, about four a task: who waits for results and is behind by more looks them up. */
const MOST_EVENTS = 10_000

/** In braces, so that all keys of a queue are on one node of a cluster, and those of another queue may be on another. */
function prefixOf(queue: string): string {
  return `{drover-${queue}}`
}

/** Of a Sentinel and of a cluster's nodes nobody says more than that they are not to be had. */
function hintFor(address: QueueAddress): string {
  if (!isTlsAddress(address)) return 'is the server running, and the address right?'
  const authority = address.kind === 'postgres' ? 'sslrootcert' : 'ca'
  return `is the server running, the address right, and its certificate one of the authority that ?${authority}= names?`
}

/** How BullMQ gets at a server. */
interface Way {
  readonly factory: BackendFactory<IQueueBackend, unknown>
  readonly connection: unknown
}

async function wayTo(address: QueueAddress, bull: BullModule): Promise<Way> {
  if (address.kind === 'postgres') {
    const connection = { ...postgresConnection(address), schema: address.schema, migrate: true }
    return { factory: postgresBackend(bull.createPostgresBackend as unknown as Way['factory']), connection }
  }
  const factory = bull.createRedisBackend as unknown as Way['factory']
  const connection = redisConnection(address)
  if (!('hosts' in connection)) return { factory, connection }
  const { Cluster } = await import('ioredis')
  return {
    factory: clusterBackend(
      factory,
      () => new Cluster([...connection.hosts], { ...connection.options, lazyConnect: false }),
    ),
    connection: connection.options,
  }
}

function missing(name: string, driver: string, error: unknown): never {
  throw new QueueError(
    `the package ${name} is needed for a queue and cannot be loaded (${reasonOf(error).split('\n', 1)[0]}); install it with: npm install bullmq ${driver}`,
    { cause: error },
  )
}
