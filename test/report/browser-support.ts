import { pathToFileURL } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import { writeReport } from '../../src/index.js'
import type { Attempt, Result } from '../../src/task/result.js'
import { JournalFolder, linesOf, runHead } from '../helpers/journals.js'
import { resultOf } from '../output/support.js'
import { launchBrowser } from './support.js'

export const folder = new JournalFolder()
let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
}, 60_000)
afterAll(async () => {
  await browser.close()
  folder.remove()
})

export const BEGIN = Date.UTC(2026, 0, 1)
const SECOND = 1_000
const key = (n: number) => n.toString(16).padStart(32, '0')
export const task = (index: number, fields: Partial<Result> = {}): Result =>
  resultOf(index, {
    key: key(index + 1),
    id: `task-${index}`,
    command: `convert ${index}.png`,
    startedAt: new Date(BEGIN + index * SECOND).toISOString(),
    durationMs: SECOND,
    cpuUserMs: 600,
    cpuSystemMs: 100,
    maxRssBytes: 50 * 2 ** 20,
    ...fields,
  })

export interface OpenPage {
  readonly page: Page
  /** All that was asked for, and all that the console has said of mistakes. */
  readonly requests: string[]
  readonly problems: string[]
}

export async function openFile(path: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options })
  const page = await context.newPage()
  const requests: string[] = []
  const problems: string[] = []
  page.on('request', (request) => requests.push(request.url()))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text())
  })
  page.on('pageerror', (error) => problems.push(error.message))
  await page.goto(pathToFileURL(path).href)
  await page.locator('html[data-ready]').waitFor({ timeout: 60_000 })
  return { page, requests, problems }
}

export async function openReport(
  records: readonly (Result | Attempt)[],
  options?: BrowserContextOptions,
): Promise<OpenPage> {
  return openFile((await writeReport(folder.write(runHead() + linesOf(records)))).path, options)
}

/** Room for the numbers of the lanes, and for the axis; and how high a lane is when there are few. */
const [LEFT, TOP, ROW] = [21, 26, 24]

/** Points into the timeline: a share of its time, and a lane. */
export async function pointAt(page: Page, share: number, lane = 0): Promise<{ x: number; y: number }> {
  const box = (await page.locator('#timeline-canvas').boundingBox())!
  return { x: box.x + LEFT + (box.width - LEFT) * share, y: box.y + TOP + ROW * (lane + 0.5) }
}

export async function hovered(page: Page, share: number, lane = 0): Promise<string> {
  const { x, y } = await pointAt(page, share, lane)
  await page.mouse.move(x, y)
  const tooltip = page.locator('#timeline-tooltip')
  return (await tooltip.isVisible()) ? tooltip.innerText() : ''
}

/** The color of the timeline there, as red, green and blue. */
export async function colorAt(page: Page, share: number, lane = 0): Promise<number[]> {
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))')
  return page.evaluate(`(() => {
    const canvas = document.getElementById('timeline-canvas')
    const width = canvas.clientWidth
    const ratio = canvas.width / width
    const x = (${LEFT} + (width - ${LEFT}) * ${share}) * ratio
    return [...canvas.getContext('2d').getImageData(x, ${TOP + ROW * (lane + 0.5)} * ratio, 1, 1).data].slice(0, 3)
  })()`)
}

/** Red, green and blue of one of the page's colors, as it is light or dark. */
export async function colorOf(page: Page, name: string): Promise<number[]> {
  const color = await page.evaluate<string>(`(() => {
    const probe = document.body.appendChild(document.createElement('i'))
    probe.style.color = 'var(--${name})'
    const { color } = getComputedStyle(probe)
    probe.remove()
    return color
  })()`)
  return /^rgb\((\d+), (\d+), (\d+)\)$/.exec(color)!.slice(1).map(Number)
}

export function stateColor(page: Page, state: string): Promise<number[]> {
  return colorOf(page, `state-${state}`)
}

export const MIXED = [
  ...Array.from({ length: 8 }, (_, index) => task(index)),
  { ...task(8, { state: 'failed' as const, exitCode: 2, stderr: 'first try' }), type: 'attempt' as const, attempts: 2 },
  task(9, { state: 'failed', exitCode: 2, stderr: 'no such file\n', stderrBytes: 13 }),
]
