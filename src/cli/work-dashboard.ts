import type { QueueAddress } from '../fleet/address.js'
import { type Dashboard, findDashboardToken, parseDashboardAddress, startDashboard } from '../fleet/dashboard/index.js'
import { OptionError } from '../task/errors.js'
import type { Messages } from './messages.js'
import type { WorkWords } from './work-command.js'

/** Serves the dashboard where one was asked for. @throws (as a rejection) OptionError, DroverError when a package is missing. */
export async function watchWork(
  { dashboard, dashboardToken }: WorkWords,
  queue: QueueAddress,
  messages: Messages,
): Promise<Dashboard | null> {
  if (dashboard === undefined) {
    if (dashboardToken !== undefined)
      throw new OptionError('--dashboard-token is for a dashboard; say where with --dashboard')
    return null
  }
  const address = parseDashboardAddress(dashboard)
  const token = findDashboardToken(address.host, { file: dashboardToken })
  const server = await startDashboard({ address, queue, token: token?.token })
  // The only time that anybody gets to know it.
  messages.say(token?.isNew === true ? `dashboard: ${server.url}?token=${token.token}` : `dashboard: ${server.url}`)
  return server
}
