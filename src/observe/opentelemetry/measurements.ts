import type { Attributes, Meter } from '@opentelemetry/api'
import type { TaskMessage } from '../messages.js'
import type { Api } from './api.js'
import { errorType } from './attributes.js'
import { Listening } from './listening.js'

/** Seconds. From programs that only look at something to those that run for hours. */
const TASK_BUCKETS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600, 14_400]
/** Seconds. */
const REQUEST_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/** Counts and measures tasks, requests and workers. @returns ends it. */
export function makeMeasurements(api: Api, meter: Meter): () => void {
  const listening = new Listening(api)
  measureTasks(listening, meter)
  measureRequests(listening, meter)
  return () => listening.stop()
}

function measureTasks(listening: Listening, meter: Meter): void {
  const results = meter.createCounter('drover.task.results', {
    ...{ unit: '{result}', description: 'Final results of tasks, by state' },
  })
  const retries = meter.createCounter('drover.task.retries', {
    ...{ unit: '{attempt}', description: 'Attempts that were followed by another' },
  })
  const duration = histogram(meter, 'drover.task.duration', 'How long attempts took, by state', TASK_BUCKETS)
  const wait = histogram(meter, 'drover.task.queue_time', 'How long tasks waited for an attempt', TASK_BUCKETS)
  const running = meter.createUpDownCounter('drover.task.running', {
    ...{ unit: '{task}', description: 'Tasks that run' },
  })
  const queued = meter.createUpDownCounter('drover.task.queued', {
    ...{ unit: '{task}', description: 'Tasks that wait, also to be tried again' },
  })
  /** Those of which it is known: others were there before anyone listened. */
  const waiting = new WeakSet<TaskMessage>()
  const leaveQueue = (task: TaskMessage) => {
    if (waiting.delete(task)) queued.add(-1)
  }
  const enterQueue = (task: TaskMessage) => {
    waiting.add(task)
    queued.add(1)
  }
  const begun = new WeakSet<object>()
  listening.on('task', 'start', enterQueue)
  listening.on('attempt', 'start', (message) => {
    leaveQueue(message.task)
    begun.add(message)
    running.add(1)
    wait.record(message.queuedMs / 1_000)
  })
  listening.on('attempt', 'asyncStart', (message) => {
    if (begun.has(message)) running.add(-1)
    const { state, durationMs } = message.result!
    duration.record(durationMs / 1_000, { 'drover.task.state': state })
  })
  listening.on('attempt', 'asyncEnd', ({ task, again }) => {
    if (again !== true) return
    retries.add(1)
    enterQueue(task)
  })
  listening.on('task', 'asyncStart', (task) => {
    leaveQueue(task)
    results.add(1, { 'drover.task.state': task.result!.state })
  })
}

function measureRequests(listening: Listening, meter: Meter): void {
  const duration = histogram(
    ...([meter, 'drover.pool.request.duration', 'From being asked for to the answer, or the error'] as const),
    REQUEST_BUCKETS,
  )
  const active = meter.createUpDownCounter('drover.pool.request.active', {
    ...{ unit: '{request}', description: 'Requests that wait for a worker or its answer' },
  })
  const workers = meter.createUpDownCounter('drover.pool.workers', {
    ...{ unit: '{process}', description: 'Worker processes' },
  })
  const begun = new WeakMap<object, number>()
  listening.on('request', 'start', (message) => {
    begun.set(message, performance.now())
    active.add(1)
  })
  listening.on('request', 'asyncStart', (message) => {
    const begunMs = begun.get(message)
    if (begunMs === undefined) return
    active.add(-1)
    const attributes: Attributes = message.error === undefined ? {} : { 'error.type': errorType(message.error) }
    duration.record((performance.now() - begunMs) / 1_000, attributes)
  })
  const counted = new WeakSet<object>()
  listening.on('process', 'start', (message) => {
    if (message.role !== 'worker') return
    counted.add(message)
    workers.add(1)
  })
  listening.on('process', 'asyncStart', (message) => {
    if (counted.delete(message)) workers.add(-1)
  })
}

function histogram(meter: Meter, name: string, description: string, buckets: number[]) {
  return meter.createHistogram(name, { unit: 's', description, advice: { explicitBucketBoundaries: buckets } })
}
