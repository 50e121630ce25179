import type { QueueAddress } from '../fleet/address.js'
import {
  type Dashboard,
  type DashboardAddress,
  type DashboardToken,
  findDashboardToken,
  parseDashboardAddress,
  startDashboard,
} from '../fleet/dashboard/index.js'
import { OptionError } from '../task/errors.js'
import type { Messages } from './messages.js'
import { printErr } from './print.js'
import type { WorkWords } from './work-command.js'

/** A dashboard as it was asked for. */
export interface DashboardRequest {
  readonly address: DashboardAddress
  readonly token: DashboardToken | null
}

/** @throws OptionError that names the option and what was expected. */
export function dashboardRequest({ dashboard, dashboardToken }: WorkWords): DashboardRequest | null {
  if (dashboard === undefined) {
    if (dashboardToken !== undefined)
      throw new OptionError('--dashboard-token is for a dashboard; say where with --dashboard')
    return null
  }
  const address = parseDashboardAddress(dashboard)
  return { address, token: findDashboardToken(address.host, { file: dashboardToken }) }
}

/** Serves it, and says where. @throws (as a rejection) OptionError, DroverError when a package is missing. */
export async function serveDashboard(
  { address, token }: DashboardRequest,
  queue: QueueAddress,
  messages: Messages,
): Promise<Dashboard> {
  const dashboard = await startDashboard({ address, queue, ...(token !== null && { token: token.token }) })
  const { url } = dashboard
  // The only time that anybody gets to know a new one, so --quiet does not keep it back.
  if (token?.isNew === true) printErr(`drover: dashboard: ${url}?token=${token.token}\n`)
  else messages.say(`dashboard: ${url}`)
  return dashboard
}
