import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { inflateRawSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { dispatch, type LiveReport, serveReport } from '../../src/index.js'
import { decodeChunk } from '../../src/report/chunk.js'
import { type Answer, readAnswer } from '../../src/report/live/answer.js'
import { RowStore } from '../../src/report/live/row-store.js'
import { RowMaker } from '../../src/report/row-of.js'
import type { ReportHead } from '../../src/report/rows.js'
import { Drover } from '../helpers/drover.js'
import { until } from '../helpers/until.js'
import { resultOf } from '../output/support.js'
import { readHtml } from './support.js'

const open: LiveReport[] = []
afterEach(async () => {
  for (const report of open.splice(0)) await report.close()
})

async function serve(options: Partial<Parameters<typeof serveReport>[0]> = {}): Promise<LiveReport> {
  const report = await serveReport({ address: '0', ...options })
  open.push(report)
  return report
}

function dataUrl(report: LiveReport | string, words: Record<string, string> = {}): URL {
  const url = new URL(typeof report === 'string' ? report : report.url)
  url.pathname = '/data'
  for (const [name, value] of Object.entries({ from: '0', page: 'test', hold: '0', ...words }))
    url.searchParams.set(name, value)
  return url
}

async function ask(report: LiveReport | string, words: Record<string, string> = {}) {
  const response = await fetch(dataUrl(report, words))
  expect(response.status).toBe(200)
  return readable(readAnswer(new Uint8Array(await response.arrayBuffer())))
}

function readable({ head, sealed, open, hasMore }: Answer) {
  const rowsOf = (piece: Uint8Array) => decodeChunk(inflateRawSync(piece))
  return {
    head: JSON.parse(inflateRawSync(head).toString()) as ReportHead,
    rows: [...sealed, ...(open === null ? [] : [open])].flatMap(rowsOf),
    sealed: sealed.length,
    hasMore,
  }
}

const statusOf = async (url: URL | string, options: RequestInit = {}) => (await fetch(url, options)).status

it('of a resumed run it tells how much there is to come, without what was done before', async () => {
  const report = await serve()
  report.watch({
    run: 'again',
    steering: { tasks: () => [] },
    progress: () => ({ total: 10, running: 0, alreadyDone: 7 }),
  })
  expect((await ask(report)).head.live).toMatchObject({ total: 3 })
})

describe('who may see it', () => {
  it('who has the token, and nobody else', async () => {
    const report = await serve()
    const url = new URL(report.url)
    expect(url.hostname).toBe('127.0.0.1')
    expect(url.searchParams.get('token')).toMatch(/^[\w-]{32}$/)
    expect(await statusOf(url)).toBe(200)
    expect(await statusOf(url.origin)).toBe(401)
    expect(await statusOf(`${url.origin}/?token=wrong`)).toBe(401)
    expect(await statusOf(`${url.origin}/data?from=0&page=x`)).toBe(401)
    expect(await statusOf(url, { method: 'POST' })).toBe(405)
    expect(await statusOf(`${url.origin}/other${url.search}`)).toBe(404)
    expect(await statusOf(dataUrl(report, { from: '-1' }))).toBe(400)
    expect(await statusOf(`${url.origin}//${url.search}`)).toBe(400)
  })

  it('not a page of another name that leads here, even with the token', async () => {
    const { url } = await serve({ token: 'a-token-of-my-own' })
    const { port, pathname, search } = new URL(url)
    expect(search).toBe('?token=a-token-of-my-own')
    const answers = async (host: string) => {
      const sent = request({ port, path: pathname + search, headers: { host } }).end()
      const [response] = await once(sent, 'response')
      response.resume()
      return response.statusCode
    }
    expect(await answers(`evil.example:${port}`)).toBe(403)
    expect(await answers(`localhost:${port}`)).toBe(200)
  })

  it('tells browsers to keep it to themselves', async () => {
    const report = await serve()
    const { headers } = await fetch(report.url)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('content-security-policy')).toBe("frame-ancestors 'none'")
  })

  it.each([
    [{ address: 'nowhere' }, 'expected [HOST:]PORT'],
    [{ address: '0', token: 'short' }, 'at least 16'],
    [{ address: '0', port: 1 }, 'port'],
    [{ address: '256.1.1.1:0' }, 'cannot listen'],
  ])('%j is a mistake', async (options, message) => {
    await expect(serveReport(options as never)).rejects.toMatchObject({
      code: 'ERR_DROVER_OPTION',
      message: expect.stringContaining(message),
    })
  })
})

describe('what it tells', () => {
  it('the page, what is there, and then what is new', async () => {
    const report = await serve({ command: ['drover', 'run', 'x'] })
    const page = readHtml(await (await fetch(report.url)).text())
    expect(page.html).toContain("connect-src 'self'")
    expect(page.head).toMatchObject({ live: { done: false }, runs: [{ command: ['drover', 'run', 'x'] }] })
    expect((await ask(report)).rows).toEqual([])
    report.add(resultOf(0))
    report.add({ ...resultOf(1), type: 'attempt', stderr: Buffer.from('x'), stdout: Buffer.alloc(0) })
    expect((await ask(report)).rows.map(({ index, isAttempt }) => [index, isAttempt])).toEqual([
      [0, false],
      [1, true],
    ])
    for (let index = 2; index < 5_000; index++) report.add(resultOf(index))
    const all = await ask(report)
    expect(all.rows.map(({ index }) => index)).toEqual(Array.from({ length: 5_000 }, (_, index) => index))
    expect(all.sealed).toBe(2)
    expect((await ask(report, { from: '2' })).rows.length).toBe(5_000 - 2 * 2_048)
  })

  it('what runs, of a run that it watches', async () => {
    const report = await serve()
    const run = dispatch([{ id: 'long', command: 'read x' }], {
      input: 'null',
      output: 'null',
      onResult: (result) => report.add(result),
      beforeStart: (task) => ({ ...task, command: 'sleep 60' }),
    })
    report.watch(run)
    const ended = run.summary()
    await until('it runs', async () => (await ask(report)).head.live!.runningCount === 1)
    const { live, runs } = (await ask(report)).head
    expect(live).toMatchObject({ done: false, total: 1, running: [{ id: 'long', state: 'running', index: 0 }] })
    expect(runs[0]!.run).toBe(run.run)
    run.halt('now', { code: 'X', message: 'enough' })
    await ended
    expect((await ask(report)).rows).toMatchObject([{ id: 'long', state: 'cancelled' }])
  })

  it('an answer that is held comes at the end at once, with all there is', async () => {
    const report = await serve()
    report.add(resultOf(0))
    await ask(report)
    const held = ask(report, { hold: '1' })
    // The request is there when another one that came after it has been answered.
    await ask(report)
    report.add(resultOf(1))
    const closed = report.close()
    const { head, rows } = await held
    expect(head.live).toMatchObject({ done: true, running: [], runningCount: 0 })
    expect(rows).toHaveLength(2)
    await closed
    await expect(fetch(report.url)).rejects.toThrow()
  })
})

describe('what it costs the run', () => {
  it('a reader that reads nothing does not hold it back, nor is more kept for it', async () => {
    const report = await serve()
    const { hostname, port, search } = new URL(report.url)
    const random = () => Math.random().toString(36).repeat(8)
    for (let index = 0; index < 40_000; index++) report.add(resultOf(index, { command: random() }))
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    socket.pause()
    socket.write(`GET /data${search}&from=0&page=slow&hold=0 HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    // Others are answered meanwhile, in pieces that an answer can hold.
    let [from, count] = [0, 0]
    for (let more = true; more; ) {
      const answer = await ask(report, { from: String(from) })
      from += answer.sealed
      count += answer.rows.length
      more = answer.hasMore
    }
    expect(count).toBe(40_000)
    const begun = performance.now()
    await report.close()
    // It waits for the page that never reads, but not for long.
    expect(performance.now() - begun).toBeLessThan(10_000)
    socket.destroy()
  })

  it('there is an end to what it keeps; the rest is counted', async () => {
    const store = new RowStore(50_000)
    const maker = new RowMaker()
    for (let index = 0; index < 60_000; index++) {
      store.add(maker.rowOf(resultOf(index, { command: String(Math.random()) }), 0))
      if (index % 2_048 === 0) await store.from(0)
    }
    const { sealed, open } = await store.from(0)
    const kept = [...sealed, ...(open === null ? [] : [open])].map((piece) => decodeChunk(inflateRawSync(piece)).length)
    expect(kept.reduce((a, b) => a + b) + store.leftOut).toBe(60_000)
    expect(store.leftOut).toBeGreaterThan(40_000)
    expect(sealed.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(150_000)
  })
})

describe('drover run --report', () => {
  it('serves the page while it runs, with what failed has said, and ends with the run', async () => {
    const run = new Drover(['run', '--quiet', '--report', '0', '-j', '2', 'echo out {}; echo err {} >&2; exit {}'], {
      env: {},
    })
    await until('it says where', () => run.stderr.includes('?token='))
    const url = /^drover: report: (http:\S+)$/m.exec(run.stderr)![1]!
    run.process.stdin.write('0\n3\n')
    await until('both are there', async () => (await ask(url)).rows.length === 2)
    const { rows, head } = await ask(url)
    expect(rows.find(({ index }) => index === 1)).toMatchObject({
      state: 'failed',
      detail: { stderr: 'err 3\n', stdout: 'out 3\n' },
    })
    expect(head.runs[0]!.command.slice(0, 3)).toEqual(['drover', 'run', '--quiet'])
    const held = ask(url, { hold: '1' })
    run.process.stdin.end()
    expect((await held).rows).toHaveLength(2)
    // A page that is open asks until it has been told of the end.
    await ask(url, { hold: '1' }).catch(() => {})
    expect(await run.end).toMatchObject({ status: 1, signal: null })
    expect(run.stdout.split('\n').sort()).toEqual(['', 'out 0', 'out 3'])
  })

  it('a run that nobody looks at is not held up', async () => {
    const run = new Drover(['run', '--report', '127.0.0.1:0', 'true', ':::', '1', '2'])
    expect(await run.end).toMatchObject({ status: 0 })
    expect(run.stderr).toContain('drover: report: http://127.0.0.1:')
  })
})

describe('drover pool --report', () => {
  it('shows messages as they are answered, and what is with a worker', async () => {
    const worker =
      'while read -r l; do [ "$l" != hold ] || sleep 60; [ "$l" != bad ] || { echo why >&2; exit 3; }; echo "$l"; done'
    const run = new Drover(['pool', '--quiet', '--report', '0', '-j', '2', worker], { env: {} })
    await until('it says where', () => run.stderr.includes('?token='))
    const url = /^drover: report: (http:\S+)$/m.exec(run.stderr)![1]!
    run.process.stdin.write('good\nbad\nhold\n')
    await until('two are there', async () => (await ask(url)).rows.length === 2)
    const { rows } = await ask(url)
    expect(rows.find(({ index }) => index === 0)).toMatchObject({ state: 'succeeded' })
    expect(rows.find(({ index }) => index === 1)).toMatchObject({ state: 'failed', detail: { stderr: 'why\n' } })
    await until('the third is with a worker', async () => (await ask(url)).head.live!.runningCount === 1)
    const { live, runs } = (await ask(url)).head
    expect(live!.running).toMatchObject([{ index: 2 }])
    expect(runs[0]!.command.slice(0, 3)).toEqual(['drover', 'pool', '--quiet'])
    run.process.kill('SIGTERM')
    expect(await run.end).toMatchObject({ signal: 'SIGTERM' })
    expect(run.stdout).toBe('good\n')
  })

  it('does not begin where nothing can listen', async () => {
    const report = await serve()
    const run = new Drover(['pool', '--report', new URL(report.url).port, 'cat'])
    expect(await run.end).toMatchObject({ status: 255 })
    expect(run.stderr).toContain('another program listens there')
  })
})
