import { createHmac, randomBytes } from 'node:crypto'
import { OptionError } from '../../task/errors.js'
import { isLoopback } from '../../web/listen-address.js'
import { readSecretFile } from '../trust/key-file.js'

/** What it takes to see a dashboard. */
export interface DashboardToken {
  /** The token itself: a secret. */
  readonly token: string
  /** Whether it was made just now, so that nobody knows it yet. */
  readonly isNew: boolean
}

/** Where a token is looked for. */
export interface TokenSources {
  /** A file that holds it, closed to others. */
  readonly file?: string | undefined
  /** Where `DROVER_DASHBOARD_TOKEN` is looked up. Default: this process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** Holds the token. */
export const TOKEN_VARIABLE = 'DROVER_DASHBOARD_TOKEN'
const LEAST_CHARACTERS = 16

/**
 * The token for a dashboard: that in the file, else that in the environment, else a new one, else, where it can be reached from this
 * machine only, none.
 *
 * @throws OptionError for a file that cannot be read or that others can read, and for a token of less than 16 characters.
 */
export function findDashboardToken(
  host: string,
  { file, env = process.env }: TokenSources = {},
): DashboardToken | null {
  const given = file === undefined ? env[TOKEN_VARIABLE] : readSecretFile(file).toString().trim()
  if (given !== undefined && given !== '') return { token: checkToken(given), isNew: false }
  if (file !== undefined)
    throw new OptionError(`the file ${file} is empty; put a token into it, as from "openssl rand -hex 32"`)
  return isLoopback(host) ? null : { token: randomBytes(32).toString('base64url'), isNew: true }
}

/** @throws OptionError unless it is at least 16 visible characters of ASCII. */
export function checkToken(token: string): string {
  if (/^[!-~]+$/.test(token) && token.length >= LEAST_CHARACTERS) return token
  throw new OptionError(
    `the token of the dashboard: expected at least ${LEAST_CHARACTERS} letters, digits and signs without spaces, as from "openssl rand -hex 32"`,
  )
}

/** What a browser keeps in place of the token. */
export function cookieOf(token: string): string {
  return createHmac('sha256', token).update('drover dashboard cookie').digest('base64url')
}
