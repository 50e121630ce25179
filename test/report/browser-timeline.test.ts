import { describe, expect, it } from 'vitest'
import { BEGIN, colorAt, hovered, openReport, pointAt, stateColor, task } from './browser-support.js'

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
