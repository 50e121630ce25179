import type { Context, Hono } from 'hono'
import { isLoopbackHost } from '../../web/listen-address.js'
import { isSame } from '../../web/same-secret.js'
import { cookieOf } from './dashboard-token.js'

export interface GuardOptions {
  /** Null for none, where only this machine can reach it. */
  readonly token: string | null
  readonly isReadOnly: boolean
  /** The port it listens on, once it does. */
  readonly port: () => number
}

const DAY_S = 24 * 60 * 60
const HEADERS: Readonly<Record<string, string>> = {
  // The token may be in the address.
  'Referrer-Policy': 'no-referrer',
  'X-Frame-Options': 'DENY',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
  // Nothing is loaded from elsewhere, not even the fonts that bull-board would like.
  'Content-Security-Policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
}

/**
 * Lets through who may see the dashboard: with a token, who has it; without one, pages that were opened as localhost, so that no
 * other page in a browser on this machine gets through by a name of its own that leads here. Nothing is changed by requests that
 * come from other pages.
 */
export function guard(app: Hono, { token, isReadOnly, port }: GuardOptions): void {
  app.use('*', async (context, next) => {
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value)
    const refusal = token === null ? refuseHost(context) : refuseStranger(context, token, `drover_dashboard_${port()}`)
    if (refusal !== null) return refusal
    if (!['GET', 'HEAD'].includes(context.req.method)) {
      if (isReadOnly)
        return context.text('This dashboard changes nothing; start it with a token to have one that does.\n', 403)
      if (isFromElsewhere(context)) return context.text('This came from another page.\n', 403)
    }
    return next()
  })
}

function refuseHost(context: Context): Response | null {
  return isLoopbackHost(context.req.header('host'))
    ? null
    : context.text('Open this page as localhost, or start the dashboard with a token.\n', 403)
}

function refuseStranger(context: Context, token: string, cookieName: string): Response | null {
  const bearer = /^Bearer (\S+)$/i.exec(context.req.header('authorization') ?? '')?.[1]
  if (bearer !== undefined && isSame(bearer, token)) return null
  const url = new URL(context.req.url)
  const shown = url.searchParams.get('token')
  if (shown !== null && context.req.method === 'GET' && isSame(shown, token)) {
    url.searchParams.delete('token')
    const cookie = `${cookieName}=${cookieOf(token)}; HttpOnly; SameSite=Lax; Path=/; Max-Age=${30 * DAY_S}`
    context.header('Set-Cookie', cookie)
    return context.redirect(`${url.pathname}${url.search}`, 303)
  }
  const kept = cookieIn(context.req.header('cookie') ?? '', cookieName)
  if (kept !== null && isSame(kept, cookieOf(token))) return null
  context.header('WWW-Authenticate', 'Bearer')
  return context.text(
    'Open this page with ?token=… at its end, or send the token in a header "Authorization: Bearer …".\n',
    401,
  )
}

function cookieIn(header: string, name: string): string | null {
  const found = header.split(/; */).find((each) => each.startsWith(`${name}=`))
  return found?.slice(name.length + 1) ?? null
}

/** Browsers say where a request comes from; other programs do not. */
function isFromElsewhere(context: Context): boolean {
  const site = context.req.header('sec-fetch-site')
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  const origin = context.req.header('origin')
  return origin !== undefined && !origin.endsWith(`//${context.req.header('host')}`)
}
