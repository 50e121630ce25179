import { describe, expect, it } from 'vitest'
import { writeReport } from '../../src/index.js'
import { linesOf, runHead } from '../helpers/journals.js'
import { resultOf } from '../output/support.js'
import { folder, hovered, MIXED, openFile, openReport, pointAt, task } from './browser-support.js'
import { makeJournal } from './make-journal.mjs'

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

  it('is shown whatever the head of a run says', async () => {
    const head = runHead().replace(/"startedAt":"[^"]*"/, '"startedAt":"the day before","cwd":{"a":1},"command":[{},7]')
    const { page, problems } = await openFile((await writeReport(folder.write(head + linesOf(MIXED)))).path)
    expect(await page.locator('#tiles').innerText()).toMatch(/Tasks\s+9/)
    expect(await page.locator('#runs').innerText()).toContain('Run r1')
    expect(problems).toEqual([])
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
