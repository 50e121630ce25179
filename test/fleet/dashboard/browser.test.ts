import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Queue } from 'bullmq'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Dashboard, startDashboard } from '../../../src/fleet/dashboard/index.js'
import { type PrivateServer, privateServer } from '../../../src/fleet/private-server/index.js'
import { ServerHome } from '../private-server/support.js'

const TOKEN = 'a-token-for-the-browser-01234'
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const home = new ServerHome()
let server: PrivateServer
let queue: Queue
let dashboard: Dashboard
let browser: Browser

beforeAll(async () => {
  const executablePath = process.env.CHROMIUM ?? PLACES.find((path) => existsSync(path))
  if (executablePath === undefined)
    throw new Error('there is no Chromium here; install it (apt-get install -y chromium), or name it in CHROMIUM')
  server = await privateServer({ folder: home.folder })
  queue = new Queue('jobs', { connection: { path: server.socketPath } })
  const task = JSON.stringify({ command: 'pngcrush', args: ['a.png'], env: { PASSWORD: 'secret' } })
  await queue.add('crush a.png', { v: 1, run: 'night', index: 0, key: 'abc', task }, { jobId: 'night.abc' })
  dashboard = await startDashboard({ address: '0', queue, token: TOKEN })
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
}, 60_000)
afterAll(async () => {
  await browser.close()
  await dashboard.close()
  await queue.close()
  await server.close()
  await home.remove()
})

it('a browser shows the queue and its tasks, loads nothing from elsewhere, and can pause it', async () => {
  const page = await browser.newPage()
  const answered: string[] = []
  const broken: string[] = []
  page.on('response', (response) => answered.push(response.url()))
  page.on('pageerror', (error) => broken.push(error.message))
  await page.goto(`${dashboard.url}?token=${TOKEN}`)
  expect(page.url()).toBe(dashboard.url)
  expect(await page.title()).toContain('drover')
  await page.getByRole('link', { name: 'jobs' }).first().click()
  await page.goto(`${dashboard.url}queue/jobs?status=waiting`)
  await page.getByText('crush a.png').first().waitFor()
  await page.getByText('pngcrush').first().waitFor()
  expect(await page.content()).not.toContain('secret')
  expect(answered.filter((url) => !url.startsWith(dashboard.url))).toEqual([])
  expect(answered.some((url) => url.endsWith('.css'))).toBe(true)
  expect(broken).toEqual([])

  const paused = await page.evaluate(async () => (await fetch('/api/queues/jobs/pause', { method: 'PUT' })).status)
  expect(paused).toBe(200)
  expect(await queue.isPaused()).toBe(true)
  await page.close()
}, 60_000)

it('a browser without the token sees nothing', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  const response = await page.goto(dashboard.url)
  expect(response!.status()).toBe(401)
  expect(await page.textContent('body')).toContain('?token=')
  await context.close()
}, 60_000)

it.each(['localhost', '127.0.0.1'])(
  'a page of %s in a browser that has the cookie can neither read nor change anything',
  async (host) => {
    const other = createServer((_, response) => response.end('<h1>another page</h1>'))
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(`${dashboard.url}?token=${TOKEN}`)
    await queue.resume()
    await page.goto(`http://${host}:${(other.address() as AddressInfo).port}/`)
    const read = await page.evaluate(async (url) => {
      // The latter without asking first, as forms do.
      for (const [path, method] of [
        ['api/queues', 'GET'],
        ['api/queues/jobs/add', 'POST'],
      ] as const) {
        const body = method === 'POST' ? JSON.stringify({ name: 'forged', data: {} }) : null
        const answer = await fetch(url + path, { method, mode: 'no-cors', credentials: 'include', body })
        if (answer.type !== 'opaque') return answer.text()
      }
      return 'nothing'
    }, dashboard.url)
    expect(read).toBe('nothing')
    expect((await queue.getJobs()).map((job) => job.name)).toEqual(['crush a.png'])
    await context.close()
    other.close()
  },
  60_000,
)
