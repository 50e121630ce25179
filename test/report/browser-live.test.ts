import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Drover } from '../helpers/drover.js'
import { until } from '../helpers/until.js'
import { launchBrowser } from './support.js'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
}, 60_000)
afterAll(() => browser.close())

it('an open page shows what runs and what has ended, and all of it when the run is over', async () => {
  const run = new Drover([
    'run',
    '--quiet',
    '--report',
    '0',
    '-j',
    '2',
    'sleep 0.0{}; [ {} != 7 ] || { echo broken >&2; exit 7; }',
  ])
  await until('it says where', () => run.stderr.includes('?token='))
  const url = /(http:\S+)/.exec(run.stderr)![1]!
  const page = await browser.newPage()
  const problems: string[] = []
  const requests: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text())
  })
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('request', (request) => requests.push(new URL(request.url()).origin))
  await page.goto(url)
  const live = page.locator('#live')
  await expect.poll(() => live.innerText(), { timeout: 10_000 }).toBe('Live: 0 running, 0 ended')
  run.process.stdin.write('1\n7\n')
  await expect.poll(() => live.innerText(), { timeout: 10_000 }).toBe('Live: 0 running, 2 ended')
  expect(await page.locator('#states').innerText()).toMatch(/failed\s*1/)
  expect(await page.locator('#failures pre').innerText()).toBe('broken\n')
  // What somebody reads is left alone while other results come.
  const output = page.locator('#failures details')
  await output.locator('summary').click()
  run.process.stdin.write('2\n')
  await expect.poll(() => live.innerText(), { timeout: 10_000 }).toBe('Live: 0 running, 3 ended')
  expect(await output.getAttribute('open')).toBeNull()
  run.process.stdin.end()
  await expect.poll(() => live.innerText(), { timeout: 10_000 }).toBe('Ended; all of it is here')
  expect(await page.locator('#tiles').innerText()).toMatch(/Tasks\s+3/)
  expect(await run.end).toMatchObject({ status: 1 })
  // It goes on being of use without its server.
  await page.locator('#search').fill('failed')
  await expect.poll(() => page.locator('#found').innerText()).toBe('1 of 3 bars found')
  expect(new Set(requests)).toEqual(new Set([new URL(url).origin]))
  expect(problems).toEqual([])
  await page.close()
}, 60_000)

it('a task that runs is in the timeline, and grows', async () => {
  const run = new Drover(['run', '--quiet', '--report', '0', 'sleep', ':::', '600'])
  await until('it says where', () => run.stderr.includes('?token='))
  const page = await browser.newPage()
  await page.goto(/(http:\S+)/.exec(run.stderr)![1]!)
  await expect.poll(() => page.locator('#live').innerText(), { timeout: 10_000 }).toBe('Live: 1 running, 0 ended')
  const hover = async () => {
    const box = (await page.locator('#timeline-canvas').boundingBox())!
    await page.mouse.move(box.x + box.width - 10, box.y + 30)
    await page.mouse.move(box.x + box.width / 2, box.y + 38)
    return page.locator('#timeline-tooltip').innerText()
  }
  await expect.poll(hover, { timeout: 10_000 }).toMatch(/^#1\nrunning\n.*\nsleep '600'$/)
  const took = async () => Number.parseFloat((await hover()).split('\n')[2]!)
  await expect.poll(took, { timeout: 10_000 }).toBeGreaterThan(1)
  run.process.kill('SIGTERM')
  await expect.poll(() => page.locator('#live').innerText(), { timeout: 10_000 }).toBe('Ended; all of it is here')
  expect(await page.locator('#states').innerText()).toMatch(/cancelled\s*1/)
  expect(await run.end).toMatchObject({ signal: 'SIGTERM' })
  await page.close()
}, 60_000)
