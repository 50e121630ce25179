import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { rejectUnknown } from '../../process/process-options.js'
import { OptionError } from '../../task/errors.js'
import { isLoopback, listenError, urlHost } from '../../web/listen-address.js'
import type { FleetWorker } from '../fleet-worker.js'
import type { QueueChoice } from '../open-queue.js'
import type { RefusalCounts } from '../trust/refusals.js'
import { boardOf } from './board.js'
import { openBoardQueue } from './board-queue.js'
import { type DashboardAddress, parseDashboardAddress } from './dashboard-address.js'
import { checkToken } from './dashboard-token.js'
import { guard } from './guard.js'
import { metricsOf } from './metrics-of.js'
import { dashboardPackages } from './packages.js'
import type { BoardQueue } from './queue-shape.js'
import type { WorkerMetrics } from './worker-metrics.js'

/** What is served, and where. */
export interface DashboardOptions {
  /** Where it listens: `[HOST:]PORT`. */
  readonly address: string | DashboardAddress
  /** The queue that it shows: its address, or one of BullMQ's. */
  readonly queue: QueueChoice | BoardQueue
  /** What it takes to see it: at least 16 characters. Needed unless it listens on this machine only. */
  readonly token?: string | undefined
  /** Whether it changes nothing. Default: true without a token, else false. */
  readonly readOnly?: boolean | undefined
}

/** A dashboard that is served. */
export interface Dashboard extends AsyncDisposable {
  /** Where it is, without its token. */
  readonly url: string
  /**
   * Shows what a worker does, for Prometheus, at `/metrics`; until then nothing is there.
   *
   * @param refused - how many tasks it has refused because of their signature: `refused` of what `openTrust()` gives.
   */
  watch(worker: FleetWorker, refused?: () => RefusalCounts): void
  /** Serves nobody any more. */
  close(): Promise<void>
}

const OPTIONS = ['address', 'queue', 'token', 'readOnly'] as const

/**
 * Starts a web server with the pages of bull-board. The server of the queue may be away.
 *
 * @throws (as a rejection) OptionError for a mistake in the call, or where nobody can listen there; DroverError
 * `ERR_DROVER_PACKAGE` or QueueError when a package is not installed.
 */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  rejectUnknown('startDashboard()', options, OPTIONS)
  const { address } = options
  const { host, port } = typeof address === 'string' ? parseDashboardAddress(address) : address
  const token = options.token === undefined ? null : checkToken(options.token)
  if (token === null && !isLoopback(host)) {
    throw new OptionError(
      `dashboard: a token is needed on ${host}, since others can reach it; give one, or listen on 127.0.0.1`,
    )
  }
  const isReadOnly = options.readOnly ?? token === null
  const packages = await dashboardPackages()
  const shown = await openBoardQueue(options.queue)
  const app = new packages.hono.Hono()
  let listensOn = port
  guard(app, { token, isReadOnly, port: () => listensOn })
  let metrics: WorkerMetrics | null = null
  app.get('/metrics', async (context) => {
    if (metrics === null) return context.text('There is no worker here.\n', 404)
    context.header('Content-Type', metrics.contentType)
    return context.body(await metrics.text())
  })
  app.route('/', boardOf(packages, [shown.queue], isReadOnly))
  const server = packages.server.createAdaptorServer({ fetch: app.fetch, hostname: host })
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    await shown.close()
    throw listenError('dashboard', { host, port }, error)
  }
  listensOn = (server.address() as AddressInfo).port
  const close = async () => {
    const closed = server.listening ? once(server, 'close') : null
    server.close()
    if ('closeAllConnections' in server) server.closeAllConnections()
    await closed
    await shown.close()
  }
  const watch: Dashboard['watch'] = (worker, refused) => {
    metrics = metricsOf(packages, worker, shown.queue, refused)
  }
  return { url: `http://${urlHost(host)}:${listensOn}/`, watch, close, [Symbol.asyncDispose]: close }
}
