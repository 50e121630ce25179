import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { isLoopback, isLoopbackHost, type ListenAddress, listenError, urlHost } from '../../web/listen-address.js'
import { isSame } from '../../web/same-secret.js'
import { packageVersion } from '../package-version.js'
import { dataElement, type PageParts, packHead, pageParts } from '../page-file.js'
import { type AnyResult, RowMaker, shownWords } from '../row-of.js'
import type { LiveHead, ReportHead } from '../rows.js'
import { answerBytes } from './answer.js'
import type { LiveReport, WatchedRun } from './live-options.js'
import { Pages } from './pages.js'
import { RowStore } from './row-store.js'

export interface LiveServerOptions {
  readonly address: ListenAddress
  readonly token: string | undefined
  readonly command: readonly string[]
}

/** How long an answer may wait for something new. */
const HOLD_MS = 1_000
/** How long the end of a run may wait for pages that are open. */
const END_MS = 2_000
const MOST_CONNECTIONS = 64
/** Of addresses that have none. */
const ORIGIN = 'http://localhost'
/** Running tasks that a page is told of. */
const MOST_RUNNING = 200
const HEADERS: Readonly<Record<string, string>> = {
  // The token is in the address.
  'Referrer-Policy': 'no-referrer',
  'X-Frame-Options': 'DENY',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
}

/** Answers the pages of a live report: with the page itself, and with what is new each time they ask. */
export class LiveServer implements LiveReport {
  readonly url: string
  readonly #server: Server
  readonly #token: string
  readonly #isLoopback: boolean
  readonly #command: readonly string[]
  readonly #page: PageParts
  readonly #store = new RowStore()
  readonly #maker = new RowMaker()
  readonly #pages = new Pages()
  readonly #startedAt = new Date().toISOString()
  readonly #held = new Set<() => void>()
  #run: WatchedRun | null = null
  #isDone = false
  #closed: Promise<void> | null = null

  private constructor(server: Server, page: PageParts, { address, token, command }: LiveServerOptions) {
    this.#server = server
    this.#page = page
    this.#token = token ?? randomBytes(24).toString('base64url')
    this.#isLoopback = isLoopback(address.host)
    this.#command = shownWords(command)
    const { port } = server.address() as AddressInfo
    this.url = `http://${urlHost(address.host)}:${port}/?token=${this.#token}`
    // As where no descriptor is left for one more connection: whoever wants to look can try again, and the run goes on.
    server.on('error', () => {})
    server.on('request', (request, response) => {
      this.#answer(request, response).catch(() => response.destroy())
    })
  }

  static async start(options: LiveServerOptions): Promise<LiveServer> {
    const page = await pageParts(true)
    const server = createServer()
    server.maxConnections = MOST_CONNECTIONS
    server.listen(options.address.port, options.address.host)
    try {
      await once(server, 'listening')
    } catch (error) {
      throw listenError('report', options.address, error)
    }
    return new LiveServer(server, page, options)
  }

  add(result: AnyResult): void {
    this.#store.add(this.#maker.rowOf(result, 0))
  }

  watch(run: WatchedRun): void {
    this.#run = run
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#isDone = true
    for (const answerNow of this.#held) answerNow()
    await this.#pages.allDelivered(END_MS)
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    const url = request.url ?? '/'
    if (!URL.canParse(url, ORIGIN)) return say(response, 400, 'What is that an address of?')
    const { pathname, searchParams } = new URL(url, ORIGIN)
    const refusal = this.#refusalOf(request, searchParams.get('token') ?? '')
    if (refusal !== null) return say(response, ...refusal)
    if (pathname === '/') return this.#answerPage(response)
    if (pathname === '/data') return this.#answerData(response, searchParams)
    say(response, 404, 'There is only one page here.')
  }

  #refusalOf({ method, headers }: IncomingMessage, token: string): [number, string] | null {
    if (method !== 'GET') return [405, 'This can only be looked at.']
    // A page of another name that leads here must not get through, even if it knew the token.
    if (this.#isLoopback && !isLoopbackHost(headers.host)) return [403, 'Open this page as localhost.']
    if (!isSame(token, this.#token)) return [401, 'Open this page as drover has printed it, with ?token=… at its end.']
    return null
  }

  async #answerPage(response: ServerResponse): Promise<void> {
    response.setHeader('Content-Type', 'text/html; charset=utf-8')
    // Beside that within the page, which may not say this.
    response.setHeader('Content-Security-Policy', "frame-ancestors 'none'")
    response.end(this.#page.before + dataElement('head', await packHead(this.#head())) + this.#page.after)
  }

  async #answerData(response: ServerResponse, words: URLSearchParams): Promise<void> {
    const page = words.get('page') ?? ''
    const from = Number(words.get('from'))
    if (!Number.isSafeInteger(from) || from < 0 || !/^\w{1,40}$/.test(page)) return say(response, 400, 'from and page?')
    this.#pages.seen(page)
    response.once('close', () => {
      // A page that was closed waits for nothing.
      if (!response.writableFinished) this.#pages.delivered(page)
    })
    if (words.get('hold') === '1') await this.#hold(response)
    if (response.destroyed) return
    this.#pages.seen(page)
    // Whether it is the end has to be known before the rows are looked at: then none can be missing.
    const isDone = this.#isDone
    const pieces = await this.#store.from(from)
    const head = await packHead(this.#head(isDone))
    response.setHeader('Content-Type', 'application/octet-stream')
    if (isDone && !pieces.hasMore) response.once('finish', () => this.#pages.delivered(page))
    response.end(Buffer.concat(answerBytes({ head, ...pieces })))
  }

  /** Waits, so that pages need not ask all the time; not longer than until the run has ended. */
  #hold(response: ServerResponse): Promise<void> {
    if (this.#isDone) return Promise.resolve()
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.#held.delete(end)
        response.off('close', end)
        resolve()
      }
      const timer = setTimeout(end, HOLD_MS)
      this.#held.add(end)
      response.once('close', end)
    })
  }

  #head(isDone = this.#isDone): ReportHead {
    const now = Date.now()
    return {
      source: '',
      version: packageVersion(),
      madeAt: now,
      runs: [
        {
          run: this.#run?.run ?? '',
          startedAt: this.#startedAt,
          host: hostname(),
          cwd: process.cwd(),
          command: this.#command,
        },
      ],
      damagedLines: 0,
      withoutOutput: this.#maker.withoutOutput,
      leftOut: this.#store.leftOut,
      live: this.#liveHead(isDone, now),
    }
  }

  #liveHead(done: boolean, now: number): LiveHead {
    const progress = this.#run?.progress()
    const tasks = done ? [] : (this.#run?.steering.tasks().slice(0, MOST_RUNNING) ?? [])
    return {
      done,
      total: progress?.total == null ? null : progress.total - (progress.alreadyDone ?? 0),
      running: tasks.map(({ index, id, command, state, attempt, durationMs }) => ({
        index,
        id,
        command,
        state,
        attempt,
        startMs: state === 'running' ? Math.round(now - durationMs) : null,
      })),
      runningCount: done ? 0 : (progress?.running ?? 0),
    }
  }
}

function say(response: ServerResponse, status: number, words: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' })
  response.end(`${words}\n`)
}
