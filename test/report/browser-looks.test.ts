import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { colorAt, colorOf, MIXED, openReport, stateColor, task } from './browser-support.js'

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
      const read = (name: string) => colorOf(page, name)
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
function contrast(a: readonly number[], b: readonly number[]): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (light! + 0.05) / (dark! + 0.05)
}

function luminance(color: readonly number[]): number {
  const [red, green, blue] = color.map((of255) => {
    const value = of255 / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
}
