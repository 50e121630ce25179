import { OptionError } from '../../task/errors.js'

/** Where a dashboard listens. */
export interface DashboardAddress {
  /** Its name, or its address without brackets. */
  readonly host: string
  /** 0 is any that is free. */
  readonly port: number
}

/**
 * Reads `[HOST:]PORT`, as in `3000`, `0.0.0.0:3000` and `[::1]:3000`. Without a host it is 127.0.0.1.
 *
 * @throws OptionError for anything else.
 */
export function parseDashboardAddress(text: string): DashboardAddress {
  const match = /^(?:(?:\[([\da-f:.]+)\]|([\w.-]+)):)?(\d{1,5})$/i.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535)
    throw new OptionError(`dashboard: expected [HOST:]PORT, as in 3000 or 0.0.0.0:3000, not ${JSON.stringify(text)}`)
  return { host: match[1] ?? match[2] ?? '127.0.0.1', port }
}

/** Whether a name or address reaches this machine only. A name other than localhost is taken for one that does not. */
export function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}

/** The address as it stands in a URL. */
export function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
