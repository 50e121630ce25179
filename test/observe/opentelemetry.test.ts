import { context, metrics, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  type DataPoint,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished } from 'vitest'
import { Dispatcher, dispatch, ProcessPool, run } from '../../dist/index.js'
import { instrument } from '../../dist/observe/opentelemetry/index.js'

const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
const tracer = provider.getTracer('test')

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(provider)
})
afterEach(() => exporter.reset())
afterAll(() => {
  trace.disable()
  context.disable()
  metrics.disable()
})

const spans = (): ReadableSpan[] => exporter.getFinishedSpans().filter(({ name }) => name !== 'caller')

/** Does something within a span of the program's own, and gives that span's id. */
async function within(work: () => unknown): Promise<string> {
  const span = tracer.startSpan('caller')
  await context.with(trace.setSpan(context.active(), span), async () => await work())
  span.end()
  return span.spanContext().spanId
}

/** By hand, until the test is over. */
function instrumented(options: Parameters<typeof instrument>[0]): void {
  onTestFinished(instrument(options))
}

it('each try of a task is a span below that of who called dispatch(), where a provider is registered', async () => {
  const tasks = [
    { id: 'well', command: 'true', args: ['secret'], env: { PASSWORD: 'secret' } },
    { command: 'exit 3 # secret', retries: 1 },
  ]
  let index = 0
  const caller = await within(() =>
    dispatch(
      (async function* () {
        for (; index < tasks.length; index += 1) yield tasks[index]!
      })(),
      { concurrency: 1, backoffMs: 1, run: 'mine' },
    ).summary(),
  )
  expect(spans().map(({ name, kind, parentSpanContext }) => [name, kind, parentSpanContext?.spanId])).toEqual([
    ['true', SpanKind.CLIENT, caller],
    ['sh', SpanKind.CLIENT, caller],
    ['sh', SpanKind.CLIENT, caller],
  ])
  const [well, bad, worse] = spans()
  expect(well!.instrumentationScope).toEqual({
    name: 'drover',
    version: expect.stringMatching(/^\d/),
    schemaUrl: undefined,
  })
  expect(well!.status.code).toBe(SpanStatusCode.UNSET)
  expect(well!.attributes).toEqual({
    'process.executable.name': 'true',
    'process.pid': expect.any(Number),
    'process.exit.code': 0,
    'drover.run': 'mine',
    'drover.task.index': 0,
    'drover.task.id': 'well',
    'drover.task.attempt': 1,
    'drover.task.state': 'succeeded',
    'drover.queue_time': expect.any(Number),
  })
  expect(bad!.status).toEqual({ code: SpanStatusCode.ERROR, message: 'failed with exit code 3' })
  expect(bad!.attributes).toMatchObject({ 'process.exit.code': 3, 'error.type': 'ERR_DROVER_COMMAND' })
  expect(worse!.attributes).toMatchObject({ 'drover.task.attempt': 2, 'drover.task.state': 'failed' })
  expect(JSON.stringify(spans().map(({ attributes, status, name }) => ({ attributes, status, name })))).not.toContain(
    'secret',
  )
})

it('tasks of a dispatcher belong to who added each', async () => {
  const dispatcher = new Dispatcher({ concurrency: 1 })
  const first = await within(() => void dispatcher.add({ command: 'true', args: [] }))
  const second = await within(() => void dispatcher.add({ command: 'true', args: [] }))
  await dispatcher.close()
  expect(spans().map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([first, second])
})

it('what was ended by drover is no error; a timeout and a missing program are', async () => {
  await dispatch(['sleep 20'], { signal: AbortSignal.timeout(50) }).summary()
  await dispatch(['sleep 20'], { timeoutMs: 50 }).summary()
  await dispatch([{ command: '/nowhere/prog', args: [] }]).summary()
  expect(spans().map(({ name, status, attributes }) => [name, status.code, attributes['error.type']])).toEqual([
    ['sh', SpanStatusCode.UNSET, undefined],
    ['sh', SpanStatusCode.ERROR, 'ERR_DROVER_TIMEOUT'],
    ['prog', SpanStatusCode.ERROR, 'ENOENT'],
  ])
})

it('run() and Process are spans of their own', async () => {
  const caller = await within(() => run('exit 2', { reject: false }))
  const [span] = spans()
  expect(span).toMatchObject({ name: 'sh', kind: SpanKind.CLIENT, parentSpanContext: { spanId: caller } })
  expect(span!.attributes).toMatchObject({ 'process.exit.code': 2, 'error.type': 'ERR_DROVER_COMMAND' })
})

it('a request is a span, below that of its task where it is one', async () => {
  const pool = new ProcessPool('cat', [], { protocol: 'lines', max: 1 })
  onTestFinished(() => pool.destroy({ graceMs: 0 }))
  const caller = await within(() => pool.request('one'))
  await dispatch(['two'], { pool }).summary()
  const [own, inner, task] = spans()
  expect(own).toMatchObject({ name: 'request cat', kind: SpanKind.CLIENT, parentSpanContext: { spanId: caller } })
  expect(inner!.parentSpanContext!.spanId).toBe(task!.spanContext().spanId)
  expect(task!.attributes).toMatchObject({ 'drover.task.state': 'succeeded' })
  expect(spans()).toHaveLength(3)
})

it('children get the context only when asked, and what a task sets stays', async () => {
  const print = 'echo "$TRACEPARENT"'
  const before = process.env.TRACEPARENT
  expect((await run(print)).stdout).toBe(`${before ?? ''}\n`)
  instrumented({ propagate: true, meter: null })
  exporter.reset()
  const printed: string[] = []
  await dispatch([print, { command: print, env: { TRACEPARENT: 'own' } }], {
    ...{ concurrency: 1, onResult: ({ stdout }) => void printed.push(stdout.trim()) },
  }).summary()
  printed.push((await run(print)).stdout.trim())
  const of = ({ traceId, spanId }: { traceId: string; spanId: string }) => `00-${traceId}-${spanId}-01`
  const [first, , third] = spans().map((span) => of(span.spanContext()))
  expect(printed).toEqual([first, 'own', third])
})

it('arguments are told when that is asked for', async () => {
  instrumented({ commandArgs: true, meter: null })
  await dispatch([{ command: '/bin/echo', args: ['a b'] }, 'echo c'], { concurrency: 1 }).summary()
  await run('/bin/echo', ['d'])
  expect(spans().map(({ name, attributes }) => [name, attributes['process.command_args']])).toEqual([
    ['echo', ['/bin/echo', 'a b']],
    ['sh', ['/bin/sh', '-c', 'echo c']],
    ['echo', ['/bin/echo', 'd']],
  ])
})

it('instrument() is in place of what is automatic, until it is ended', async () => {
  const other = new InMemorySpanExporter()
  const own = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(other)] })
  await run('true')
  expect(spans()).toHaveLength(1)
  const stop = instrument({ tracer: own.getTracer('own'), meter: null })
  await run('true')
  expect([spans().length, other.getFinishedSpans().length]).toEqual([1, 1])
  stop()
  await run('true')
  expect([spans().length, other.getFinishedSpans().length]).toEqual([2, 1])
  onTestFinished(instrument({ tracer: null, meter: null }))
  await run('true')
  expect([spans().length, other.getFinishedSpans().length]).toEqual([2, 1])
})

it('it is left alone where OTEL_NODE_DISABLED_INSTRUMENTATIONS names drover', async () => {
  instrument({ tracer: null, meter: null })()
  process.env.OTEL_NODE_DISABLED_INSTRUMENTATIONS = 'http, drover'
  onTestFinished(() => void delete process.env.OTEL_NODE_DISABLED_INSTRUMENTATIONS)
  await run('true')
  expect(spans()).toHaveLength(0)
})

it('a tracer that throws breaks no run', async () => {
  const broken = new Proxy(tracer, {
    get() {
      throw new Error('broken')
    },
  })
  instrumented({ tracer: broken, meter: null })
  const { byState } = await dispatch(['true'], {}).summary()
  expect(byState.succeeded).toBe(1)
})

it('results, durations, what waits and runs, and requests are measured', async () => {
  const memory = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: memory, exportIntervalMillis: 3_600_000 })
  const meters = new MeterProvider({ readers: [reader] })
  onTestFinished(() => meters.shutdown())
  /** All that was measured up to now, as `name` or `name/state`. */
  const measured = async () => {
    memory.reset()
    await reader.forceFlush()
    const all = memory.getMetrics()[0]?.scopeMetrics[0]?.metrics ?? []
    const values = all.flatMap(({ descriptor, dataPoints }) =>
      (dataPoints as DataPoint<number | Histogram>[]).map(({ attributes, value }) => {
        const of = attributes['drover.task.state'] ?? attributes['error.type']
        return [
          `${descriptor.name}${of === undefined ? '' : `/${of}`}`,
          typeof value === 'number' ? value : value.count,
        ]
      }),
    )
    return { values: Object.fromEntries(values) as Record<string, number>, all }
  }
  // As a program has it: by its global provider.
  metrics.setGlobalMeterProvider(meters)
  let during: Record<string, number> = {}
  const onResult = async ({ index }: { index: number }) => {
    if (index === 0) during = (await measured()).values
  }
  const tasks = ['true', { command: 'sleep 0.3; exit 1', retries: 1 }, 'true']
  const dispatcher = new Dispatcher({ concurrency: 1, backoffMs: 1, onResult })
  await context.with(ROOT_CONTEXT, async () => {
    for (const task of tasks) dispatcher.add(task)
    await dispatcher.close()
  })
  expect(during).toMatchObject({ 'drover.task.running': 1, 'drover.task.queued': 1 })
  const pool = new ProcessPool('cat', { protocol: 'lines', max: 1 })
  onTestFinished(() => pool.destroy({ graceMs: 0 }))
  await pool.request('x')
  const silent = new ProcessPool('sleep 60', { protocol: 'lines', max: 1 })
  onTestFinished(() => silent.destroy({ graceMs: 0 }))
  await expect(silent.request('x', { timeoutMs: 20 })).rejects.toThrow('did not answer')
  await silent.destroy()
  expect((await measured()).values).toMatchObject({ 'drover.pool.workers': 1 })
  await pool.close()
  const { values, all } = await measured()
  expect(values).toMatchObject({
    'drover.task.results/succeeded': 2,
    'drover.task.results/failed': 1,
    'drover.task.retries': 1,
    'drover.task.duration/succeeded': 2,
    'drover.task.duration/failed': 2,
    'drover.task.queue_time': 4,
    'drover.task.running': 0,
    'drover.task.queued': 0,
    'drover.pool.request.active': 0,
    'drover.pool.request.duration': 1,
    'drover.pool.request.duration/ERR_DROVER_TIMEOUT': 1,
    'drover.pool.workers': 0,
  })
  const duration = all.find(({ descriptor }) => descriptor.name === 'drover.task.duration')!
  expect(duration.descriptor.unit).toBe('s')
  const { boundaries } = (duration.dataPoints[0] as DataPoint<Histogram>).value.buckets
  expect([boundaries[0], boundaries.at(-1)]).toEqual([0.005, 14_400])
})
