import { context, trace } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { Queue, Worker } from 'bullmq'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { queueTelemetry } from '../../../src/fleet/dashboard/index.js'
import { type PrivateServer, privateServer } from '../../../src/fleet/private-server/index.js'
import { until } from '../../helpers/until.js'
import { ServerHome } from '../private-server/support.js'

const home = new ServerHome()
const exporter = new InMemorySpanExporter()
let server: PrivateServer

beforeAll(async () => {
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))
  server = await privateServer({ folder: home.folder })
})
afterAll(async () => {
  trace.disable()
  context.disable()
  await server.close()
  await home.remove()
})

it('a task that is added and run is seen in traces', async () => {
  const telemetry = await queueTelemetry('1.2.3')
  const connection = { path: server.socketPath, maxRetriesPerRequest: null }
  const queue = new Queue('jobs', { connection, telemetry: telemetry! })
  const worker = new Worker('jobs', async () => 'done', { connection, telemetry: telemetry! })
  await queue.add('a task', {})
  await until('it is done', async () => (await queue.getCompletedCount()) === 1)
  await worker.close()
  await queue.close()
  const spans = exporter.getFinishedSpans()
  expect(spans.map((span) => span.name)).toEqual(expect.arrayContaining(['add jobs.a task', 'process jobs']))
  expect(spans[0]!.instrumentationScope).toMatchObject({ name: 'drover', version: '1.2.3' })
})
