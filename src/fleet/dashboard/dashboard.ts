import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { rejectUnknown } from '../../process/process-options.js'
import { type DroverError, OptionError } from '../../task/errors.js'
import type { FleetWorker } from '../fleet-worker.js'
import type { QueueChoice } from '../open-queue.js'
import type { RefusalCounts } from '../trust/refusals.js'
import { type BoardQueue, boardOf } from './board.js'
import { openBoardQueue } from './board-queue.js'
import { type DashboardAddress, isLoopback, parseDashboardAddress, urlHost } from './dashboard-address.js'
import { checkToken } from './dashboard-token.js'
import { guard } from './guard.js'
import { metricsOf } from './metrics-of.js'
import { dashboardPackages } from './packages.js'

export interface DashboardOptions {
  /** Where it listens: `[HOST:]PORT`. */
  readonly address: string | DashboardAddress
  /** The queue that it shows: its address, or one of BullMQ's. Default: that of the worker. */
  readonly queue?: QueueChoice | BoardQueue | undefined
  /** The worker whose metrics are at `/metrics`. Default: there are none. */
  readonly worker?: FleetWorker | undefined
  /** How many tasks the worker has refused because of their signature: `refused` of what `openTrust()` gives. */
  readonly refused?: (() => RefusalCounts) | undefined
  /** What it takes to see it: at least 16 characters. Needed unless it listens on this machine only. */
  readonly token?: string | undefined
  /** Whether it changes nothing. Default: true without a token, else false. */
  readonly readOnly?: boolean | undefined
}

export interface Dashboard extends AsyncDisposable {
  /** Where it is, without its token. */
  readonly url: string
  close(): Promise<void>
}

const OPTIONS = ['address', 'queue', 'worker', 'refused', 'token', 'readOnly'] as const

/**
 * Starts a web server with bull-board at `/` and, for a worker, Prometheus's text at `/metrics`.
 *
 * @throws (as a rejection) OptionError for a mistake in the call, or where nobody can listen there; DroverError
 * `ERR_DROVER_PACKAGE` when a package is not installed; QueueError when nobody answers at the address of a queue.
 */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  rejectUnknown('startDashboard()', options, OPTIONS)
  const { worker, refused } = options
  const { host, port } = typeof options.address === 'string' ? parseDashboardAddress(options.address) : options.address
  const token = options.token === undefined ? null : checkToken(options.token)
  if (token === null && !isLoopback(host)) {
    throw new OptionError(
      `dashboard: a token is needed on ${host}, since others can reach it; give one, or listen on 127.0.0.1`,
    )
  }
  const isReadOnly = options.readOnly ?? token === null
  const packages = await dashboardPackages()
  const shown = await openBoardQueue(options.queue, worker)
  const app = new packages.hono.Hono()
  let listensOn = port
  guard(app, { token, isReadOnly, port: () => listensOn })
  const metrics = worker === undefined ? null : metricsOf(packages, worker, shown.queue, refused)
  if (metrics !== null) {
    app.get('/metrics', async (context) => {
      context.header('Content-Type', metrics.contentType)
      return context.body(await metrics.text())
    })
  }
  app.route('/', boardOf(packages, [shown.queue], isReadOnly))
  const server = packages.server.createAdaptorServer({ fetch: app.fetch, hostname: host })
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    await shown.close()
    throw listenError(host, port, error)
  }
  listensOn = (server.address() as AddressInfo).port
  const close = async () => {
    const closed = server.listening ? once(server, 'close') : null
    server.close()
    if ('closeAllConnections' in server) server.closeAllConnections()
    await closed
    await shown.close()
  }
  return { url: `http://${urlHost(host)}:${listensOn}/`, close, [Symbol.asyncDispose]: close }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there; choose another port',
  EACCES: 'this user may not; choose a port from 1024 up',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'there is no such host',
}

function listenError(host: string, port: number, error: unknown): DroverError {
  const { code = '', message } = error as NodeJS.ErrnoException
  return new OptionError(`dashboard: cannot listen on ${urlHost(host)}:${port}: ${REASONS[code] ?? message}`)
}
