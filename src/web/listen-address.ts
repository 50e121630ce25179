import { type DroverError, OptionError } from '../task/errors.js'

/** Where a web server listens. */
export interface ListenAddress {
  /** Its name, or its address without brackets. */
  readonly host: string
  /** 0 is any that is free. */
  readonly port: number
}

/**
 * Reads `[HOST:]PORT`, as in `3000`, `0.0.0.0:3000` and `[::1]:3000`. Without a host it is 127.0.0.1.
 *
 * @param option - for messages.
 * @throws OptionError for anything else.
 */
export function parseListenAddress(option: string, text: string): ListenAddress {
  const match = /^(?:(?:\[([\da-f:.]+)\]|([\w.-]+)):)?(\d{1,5})$/i.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535)
    throw new OptionError(`${option}: expected [HOST:]PORT, as in 3000 or 0.0.0.0:3000, not ${JSON.stringify(text)}`)
  return { host: match[1] ?? match[2] ?? '127.0.0.1', port }
}

/** Whether a name or address reaches this machine only. A name other than localhost is taken for one that does not. */
export function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}

/** Whether the `Host` of a request names this machine, so that no page of another name that leads here has sent it. */
export function isLoopbackHost(header: string | undefined): boolean {
  return isLoopback((header ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'))
}

/** The address as it stands in a URL. */
export function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there; choose another port',
  EACCES: 'this user may not; choose a port from 1024 up',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'there is no such host',
}

/** Why nobody can listen there, and what to do. */
export function listenError(option: string, { host, port }: ListenAddress, error: unknown): DroverError {
  const { code = '', message } = error as NodeJS.ErrnoException
  return new OptionError(`${option}: cannot listen on ${urlHost(host)}:${port}: ${REASONS[code] ?? message}`)
}
