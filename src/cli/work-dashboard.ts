import type { QueueAddress } from '../fleet/address.js'
import { findDashboardToken, parseDashboardAddress, startDashboard, WorkerMetrics } from '../fleet/dashboard/index.js'
import { openQueue } from '../fleet/open-queue.js'
import type { OpenTrust } from '../fleet/trust/index.js'
import { OptionError } from '../task/errors.js'
import type { Messages } from './messages.js'
import type { WorkWords } from './work-command.js'

/** The dashboard of a worker. */
export interface WorkWatch {
  readonly metrics: WorkerMetrics
  close(): Promise<void>
}

/** Serves the dashboard where one was asked for. @throws (as a rejection) OptionError, DroverError when a package is missing. */
export async function watchWork(
  { dashboard, dashboardToken }: WorkWords,
  queue: QueueAddress,
  trust: OpenTrust | null,
  messages: Messages,
): Promise<WorkWatch | null> {
  if (dashboard === undefined) {
    if (dashboardToken !== undefined)
      throw new OptionError('--dashboard-token is for a dashboard; say where with --dashboard')
    return null
  }
  const address = parseDashboardAddress(dashboard)
  const token = findDashboardToken(address.host, { file: dashboardToken })
  const opened = await openQueue(queue)
  const metrics = await WorkerMetrics.create({ queue: opened.queue, refused: trust?.refused })
  const server = await startDashboard({ address, queues: [opened.queue], metrics, token: token?.token })
  // The only time that anybody gets to know it.
  messages.say(token?.isNew === true ? `dashboard: ${server.url}?token=${token.token}` : `dashboard: ${server.url}`)
  return {
    metrics,
    close: async () => {
      await server.close()
      await opened.close()
    },
  }
}
