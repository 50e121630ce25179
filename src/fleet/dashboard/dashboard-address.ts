import { type ListenAddress, parseListenAddress } from '../../web/listen-address.js'

/** Where a dashboard listens. */
export type DashboardAddress = ListenAddress

/**
 * Reads `[HOST:]PORT`, as in `3000`, `0.0.0.0:3000` and `[::1]:3000`. Without a host it is 127.0.0.1.
 *
 * @throws OptionError for anything else.
 */
export function parseDashboardAddress(text: string): DashboardAddress {
  return parseListenAddress('dashboard', text)
}
