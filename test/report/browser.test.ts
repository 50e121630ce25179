import { pathToFileURL } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeReport } from '../../src/index.js'
import type { Attempt, Result } from '../../src/task/result.js'
import { JournalFolder, linesOf, runHead } from '../helpers/journals.js'
import { resultOf } from '../output/support.js'
import { makeJournal } from './make-journal.mjs'
import { launchBrowser } from './support.js'

const folder = new JournalFolder()
let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
}, 60_000)
afterAll(async () => {
  await browser.close()
  folder.remove()
})

const BEGIN = Date.UTC(2026, 0, 1)
const SECOND = 1_000
const key = (n: number) => n.toString(16).padStart(32, '0')
const task = (index: number, fields: Partial<Result> = {}): Result =>
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

interface OpenPage {
  readonly page: Page
  /** All that was asked for, and all that the console has said of mistakes. */
  readonly requests: string[]
  readonly problems: string[]
}

async function openFile(path: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
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

async function openReport(records: readonly (Result | Attempt)[], options?: BrowserContextOptions): Promise<OpenPage> {
  return openFile((await writeReport(folder.write(runHead() + linesOf(records)))).path, options)
}

/** Room for the numbers of the lanes, and for the axis; and how high a lane is when there are few. */
const [LEFT, TOP, ROW] = [21, 26, 24]

/** Points into the timeline: a share of its time, and a lane. */
async function pointAt(page: Page, share: number, lane = 0): Promise<{ x: number; y: number }> {
  const box = (await page.locator('#timeline-canvas').boundingBox())!
  return { x: box.x + LEFT + (box.width - LEFT) * share, y: box.y + TOP + ROW * (lane + 0.5) }
}

async function hovered(page: Page, share: number, lane = 0): Promise<string> {
  const { x, y } = await pointAt(page, share, lane)
  await page.mouse.move(x, y)
  const tooltip = page.locator('#timeline-tooltip')
  return (await tooltip.isVisible()) ? tooltip.innerText() : ''
}

/** The color of the timeline there, as red, green and blue. */
async function colorAt(page: Page, share: number, lane = 0): Promise<number[]> {
  await page.evaluate('new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))')
  return page.evaluate(`(() => {
    const canvas = document.getElementById('timeline-canvas')
    const width = canvas.clientWidth
    const ratio = canvas.width / width
    const x = (${LEFT} + (width - ${LEFT}) * ${share}) * ratio
    return [...canvas.getContext('2d').getImageData(x, ${TOP + ROW * (lane + 0.5)} * ratio, 1, 1).data].slice(0, 3)
  })()`)
}

async function stateColor(page: Page, state: string): Promise<number[]> {
  const hex = await page.evaluate<string>(
    `getComputedStyle(document.documentElement).getPropertyValue('--state-${state}').trim()`,
  )
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16))
}

const MIXED = [
  ...Array.from({ length: 8 }, (_, index) => task(index)),
  { ...task(8, { state: 'failed' as const, exitCode: 2, stderr: 'first try' }), type: 'attempt' as const, attempts: 2 },
  task(9, { state: 'failed', exitCode: 2, stderr: 'no such file\n', stderrBytes: 13 }),
]

describe('opened from a file', () => {
  it('shows the summary, asks for nothing, and has nothing to complain about', async () => {
    const { page, requests, problems } = await openReport(MIXED)
    expect(await page.title()).toContain('drover report')
    const tiles = await page.locator('#tiles').innerText()
    expect(tiles).toMatch(/Tasks\s+9\s+1 attempt tried again/)
    expect(tiles).toMatch(/Wall time\s+10 s/)
    expect(tiles).toMatch(/Speed-up\s+1×/)
    expect(tiles).toMatch(/CPU time\s+7 s/)
    expect(tiles).toMatch(/Peak memory\s+50 MiB/)
    expect(await page.locator('#states button').allInnerTexts()).toEqual([
      expect.stringMatching(/succeeded\s*8\s*88.9%/),
      expect.stringMatching(/failed\s*1\s*11.1%/),
    ])
    expect(await page.locator('.uplot').count()).toBe(5)
    expect(requests.filter((url) => !url.startsWith('file:') && !url.startsWith('data:'))).toEqual([])
    expect(requests.filter((url) => url.startsWith('file:'))).toHaveLength(1)
    expect(problems).toEqual([])
    await page.context().close()
  })

  it('its tables are read by who cannot see: heads, names, and the ends of outputs', async () => {
    const { page } = await openReport(MIXED)
    const failures = page.getByRole('table', { name: 'Failures' })
    expect(await failures.getByRole('columnheader').allInnerTexts()).toEqual([
      'Task',
      'State',
      'Took',
      'Started',
      'Command',
    ])
    expect(await failures.innerText()).toMatch(/task-9\s+failed, exit 2\s+1 s\s+\+9 s\s+convert 9.png/)
    expect(await failures.locator('pre').innerText()).toBe('no such file\n')
    expect(await page.getByRole('table', { name: 'Tried again' }).innerText()).toContain('1 of 2')
    expect(await page.getByRole('table', { name: 'Slowest' }).getByRole('row').count()).toBe(11)
    expect(await page.locator('#timeline-canvas').getAttribute('aria-label')).toContain(
      'Timeline of 10 bars in 1 lane.',
    )
    await page.context().close()
  })

  it('executes nothing that a task has said', async () => {
    const hostile = `</script><script>window.pwned=1</script><!--<img src=x onerror="window.pwned=2">\u2028javascript:window.pwned=3`
    const bad = {
      id: hostile,
      command: hostile,
      host: hostile,
      stderr: hostile,
      stdout: hostile,
      state: 'failed' as const,
    }
    const { page, problems } = await openReport([
      task(0),
      task(1, { ...bad, error: { code: hostile, message: hostile } }),
    ])
    // It says that it was on another host, so that it has a lane of its own.
    await hovered(page, 0.75, 1)
    const { x, y } = await pointAt(page, 0.75, 1)
    await page.mouse.click(x, y)
    await page.locator('#chosen').waitFor()
    for (const place of ['#failures', '#chosen', '#timeline-tooltip']) {
      expect(await page.locator(place).innerText()).toContain('<img src=x onerror=')
      expect(await page.locator(`${place} img, ${place} script`).count()).toBe(0)
    }
    expect(await page.evaluate('window.pwned ?? null')).toBeNull()
    expect(problems).toEqual([])
    await page.context().close()
  })

  it('what would run anyway is kept from it by the policy of the page', async () => {
    const { page, problems } = await openReport([task(0)])
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.pwned = 1' }))`,
    )
    expect(await page.evaluate('window.pwned ?? null')).toBeNull()
    expect(await page.evaluate(`fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'kept')`)).toBe('kept')
    expect(problems.join('\n')).toContain('Content Security Policy')
    await page.context().close()
  })

  it('an empty journal says that there is nothing', async () => {
    const { page, problems } = await openReport([])
    expect(await page.locator('#empty').isVisible()).toBe(true)
    expect(await page.locator('#report').isVisible()).toBe(false)
    expect(problems).toEqual([])
    await page.context().close()
  })

  it('tasks that were never started have no bar and no plot, but are there', async () => {
    const { page, problems } = await openReport([resultOf(0, { state: 'skipped', exitCode: null })])
    expect(await page.locator('#states').innerText()).toMatch(/skipped\s*1/)
    expect(await page.locator('#chart-durations').innerText()).toContain('Nothing has run.')
    expect(problems).toEqual([])
    await page.context().close()
  })
})

describe('the timeline', () => {
  const hundred = Array.from({ length: 100 }, (_, index) =>
    task(index, index === 30 ? { state: 'failed', exitCode: 1 } : {}),
  )

  it('draws each task where and as long as it was, in the color of its state, and shows it when it is pointed at', async () => {
    const { page } = await openReport([
      task(0),
      task(1, { state: 'timed-out', exitCode: null, signal: 'SIGTERM' }),
      task(2, { startedAt: new Date(BEGIN).toISOString(), durationMs: 2_000 }),
    ])
    expect(await colorAt(page, 0.4)).toEqual(await stateColor(page, 'succeeded'))
    expect(await colorAt(page, 0.9)).toEqual(await stateColor(page, 'timed-out'))
    expect(await hovered(page, 0.25)).toMatch(
      /^task-0\nsucceeded · exit 0\n1 s, from \+0 ms\nCPU 700 ms, memory 50 MiB\nconvert 0.png$/,
    )
    expect(await hovered(page, 0.75)).toMatch(/^task-1\ntimed-out · SIGTERM\n1 s, from \+1 s\n/)
    expect(await hovered(page, 0.5, 1)).toMatch(/^task-2\n/)
    const { x, y } = await pointAt(page, 0.5, 1)
    await page.mouse.move(x, y + 200)
    expect(await page.locator('#timeline-tooltip').isVisible()).toBe(false)
    await page.context().close()
  })

  it('is zoomed and moved by keys, and the charts with it', async () => {
    const { page } = await openReport(hundred)
    await page.locator('#timeline-canvas').focus()
    expect(await hovered(page, 0.255)).toMatch(/^task-25\n/)
    const before = await page.locator('#chart-running').getAttribute('aria-label')
    await page.keyboard.press('+')
    expect(await hovered(page, 0.255)).toMatch(/^task-37\n/)
    for (const _ of [1, 2, 3]) await page.keyboard.press('ArrowLeft')
    expect(await hovered(page, 0.255)).toMatch(/^task-15\n/)
    await page.keyboard.press('-')
    await page.keyboard.press('0')
    expect(await hovered(page, 0.255)).toMatch(/^task-25\n/)
    expect(before).toContain('mean 1, most 1 tasks')
    await page.context().close()
  })

  it('is zoomed by the wheel, and by drawing a span', async () => {
    const { page } = await openReport(hundred)
    await hovered(page, 0.505)
    await page.mouse.wheel(0, -240)
    expect(await hovered(page, 0.505)).toMatch(/^task-50\n/)
    expect(await hovered(page, 0.005)).toMatch(/^task-25\n/)
    await page.locator('#zoom-all').click()
    const [from, to] = [await pointAt(page, 0.4), await pointAt(page, 0.5)]
    await page.mouse.move(from.x, from.y)
    await page.mouse.down()
    await page.mouse.move(to.x, to.y, { steps: 4 })
    await page.mouse.up()
    expect(await hovered(page, 0.05)).toMatch(/^task-40\n/)
    expect(await hovered(page, 0.95)).toMatch(/^task-49\n/)
    await page.context().close()
  })

  it('is searched by id, command and state; what is found is told from the rest, and stepped through', async () => {
    const { page } = await openReport(hundred)
    const found = page.locator('#found')
    await page.keyboard.press('/')
    await page.keyboard.type('77.PNG convert')
    await expect.poll(() => found.innerText()).toBe('1 of 100 bars found')
    const color = await stateColor(page, 'succeeded')
    expect(await colorAt(page, 0.775)).toEqual(color)
    expect(await colorAt(page, 0.105)).not.toEqual(color)
    await page.keyboard.press('Enter')
    expect(await page.locator('#timeline-tooltip').innerText()).toMatch(/^task-77\n/)
    expect(await page.locator('#timeline-said').innerText()).toContain('task-77')
    await page.locator('#search').fill('failed')
    await expect.poll(() => found.innerText()).toBe('1 of 100 bars found')
    await page.locator('#search').fill('')
    await expect.poll(() => found.innerText()).toBe('')
    await page.locator('[data-state="failed"]').click()
    expect(await found.innerText()).toBe('1 of 100 bars found')
    await page.locator('#timeline-canvas').focus()
    await page.keyboard.press('.')
    await page.keyboard.press('Enter')
    expect(await page.locator('#chosen').innerText()).toContain('Task task-30')
    await page.context().close()
  })

  it('has lanes for each host, and says which', async () => {
    const { page } = await openReport([0, 1, 2, 3].map((n) => task(n, { host: n % 2 === 0 ? 'north' : 'south' })))
    expect(await hovered(page, 0.6, 0)).toMatch(/^task-2\n.*\n.*\n.*\non north\n/)
    expect(await hovered(page, 0.9, 1)).toMatch(/^task-3\n.*\n.*\n.*\non south\n/)
    await page.context().close()
  })

  it('a task in a table is shown in it', async () => {
    const { page } = await openReport(hundred)
    await page.locator('#failures-table').getByRole('button', { name: 'task-30' }).click()
    expect(await page.locator('#timeline-tooltip').innerText()).toMatch(/^task-30\n/)
    expect(await page.locator('#chosen').innerText()).toMatch(/State\s+failed, exit 1/)
    await page.context().close()
  })
})

describe('looks', () => {
  const background = (page: Page) => page.evaluate('getComputedStyle(document.body).backgroundColor')
  const [LIGHT, DARK] = ['rgb(246, 247, 248)', 'rgb(20, 23, 27)']

  it('light or dark as the system says, or as the switch does', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await openReport(MIXED, { colorScheme })
      const [own, other] = colorScheme === 'light' ? [LIGHT, DARK] : [DARK, LIGHT]
      expect(await background(page)).toBe(own)
      const drawn = await colorAt(page, 0.95)
      expect(drawn).toEqual(await stateColor(page, 'failed'))
      const button = page.locator('#theme')
      for (let times = colorScheme === 'light' ? 2 : 1; times > 0; times--) await button.click()
      expect(await background(page)).toBe(other)
      expect(await colorAt(page, 0.95)).toEqual(await stateColor(page, 'failed'))
      expect(await colorAt(page, 0.95)).not.toEqual(drawn)
      await page.context().close()
    }
  })

  it.each([320, 390, 768, 1600])('nothing is wider than the page at %d pixels', async (width) => {
    const wide = task(9, {
      id: 'x'.repeat(300),
      command: 'y'.repeat(2_000),
      state: 'failed',
      stderr: 'z'.repeat(3_000),
    })
    const { page } = await openReport([...MIXED.slice(0, 8), wide], { viewport: { width, height: 800 } })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
    await page.context().close()
  })

  it('its text has enough contrast, light and dark', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await openReport(MIXED, { colorScheme })
      const read = (name: string) =>
        page.evaluate<string>(`getComputedStyle(document.documentElement).getPropertyValue('--${name}').trim()`)
      const states = [
        'succeeded',
        'failed',
        'timed-out',
        'killed',
        'spawn-failed',
        'cancelled',
        'skipped',
        'lost',
        'invalid',
        'running',
      ]
      const pairs = [
        ['text', 'surface'],
        ['text', 'background'],
        ['faint', 'surface'],
        ['faint', 'background'],
        ['accent', 'surface'],
        ...states.map((state) => [`on-${state}`, `state-${state}`]),
      ]
      for (const [front, back] of pairs)
        expect([front, contrast(await read(front!), await read(back!)) >= 4.5]).toEqual([front, true])
      await page.context().close()
    }
  })
})

/** Of two colors, as WCAG counts it. */
function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (light! + 0.05) / (dark! + 0.05)
}

function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
}

describe('a hundred thousand tasks', () => {
  it('are a file of a few megabytes that is there soon and answers at once', async () => {
    const journal = folder.write('')
    makeJournal(journal, 100_000)
    const { path, bytes, results } = await writeReport(journal)
    expect(results).toBe(100_000)
    expect(bytes).toBeLessThan(4e6)
    const begun = performance.now()
    const { page, problems } = await openFile(path)
    // Some two seconds on a machine that has nothing else to do.
    expect(performance.now() - begun).toBeLessThan(15_000)
    expect(await page.locator('#tiles').innerText()).toContain('100,000')
    await page.locator('#timeline-canvas').focus()
    const drawing = performance.now()
    for (let times = 0; times < 10; times++) {
      await page.keyboard.press(times < 5 ? '+' : 'ArrowRight')
      await page.evaluate('new Promise((resolve) => requestAnimationFrame(resolve))')
    }
    expect(performance.now() - drawing).toBeLessThan(10_000)
    expect(await hovered(page, 0.5, 3)).toMatch(/^#\d+\n/)
    await page.locator('#search').fill('img_0079')
    await expect.poll(() => page.locator('#found').innerText()).toMatch(/^1\d of 101,521 bars found$/)
    expect(problems).toEqual([])
    await page.context().close()
  }, 120_000)
})
