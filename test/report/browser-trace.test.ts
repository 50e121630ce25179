import { readFileSync } from 'node:fs'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { writeReport } from '../../src/index.js'
import { JournalFolder, linesOf, runHead } from '../helpers/journals.js'
import { resultOf } from '../output/support.js'
import { launchBrowser } from './support.js'
import type { Trace } from './trace-event-format.js'

const DEVTOOLS = 'devtools://devtools/bundled/'

const folder = new JournalFolder()
let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
}, 60_000)
afterAll(async () => {
  await browser.close()
  folder.remove()
})

interface Reader {
  readonly TraceModel: { readonly Model: { createWithAllHandlers(): Model } }
}
interface Model {
  parse(events: readonly unknown[], options: object): Promise<void>
  parsedTrace(index: number): { readonly data: Parsed }
}
interface Parsed {
  readonly Meta: { readonly traceIsGeneric: boolean }
  readonly Renderer: { readonly processes: Map<number, { readonly threads: Map<number, Thread> }> }
}
interface Thread {
  readonly name: string
  readonly entries: readonly { readonly name: string; readonly ts: number; readonly dur: number }[]
}

/** Chromium has no chrome://tracing any more; what its developer tools read a trace with is there wherever it is. */
it('is read by the performance panel of Chromium as what was written', async () => {
  const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString()
  const key = (n: number) => n.toString(16).padStart(32, '0')
  const results = [
    resultOf(0, { key: key(1), id: 'long', startedAt: at(0), durationMs: 1_000.5, host: 'one' }),
    resultOf(1, { key: key(2), startedAt: at(100), durationMs: 50, host: 'one', state: 'failed', exitCode: 3 }),
    resultOf(2, { key: key(3), startedAt: at(150), durationMs: 300, host: 'one' }),
    resultOf(3, { key: key(4), startedAt: at(20), durationMs: 0.25, host: 'two' }),
  ]
  const { path } = await writeReport(folder.write(runHead() + linesOf(results)), { form: 'trace' })
  const trace = JSON.parse(readFileSync(path, 'utf8')) as Trace
  const page = await browser.newPage()
  await page.goto(`${DEVTOOLS}devtools_app.html?panel=timeline`)
  // As text, so that the import is the page's own.
  const reader = await page.evaluateHandle<Reader>(`import('${DEVTOOLS}models/trace/trace.js')`)
  const shown = await page.evaluate(
    async ({ reader: { TraceModel }, events }) => {
      const model = TraceModel.Model.createWithAllHandlers()
      await model.parse(events, {})
      const { Meta, Renderer } = model.parsedTrace(0).data
      const threads = [...Renderer.processes].flatMap(([pid, process]) =>
        [...process.threads].map(([tid, { name, entries }]) => {
          return { pid, tid, name, slices: entries.map((entry) => [entry.name, entry.ts, entry.dur]) }
        }),
      )
      return { isGeneric: Meta.traceIsGeneric, threads }
    },
    { reader, events: trace.traceEvents },
  )
  expect(shown.isGeneric).toBe(true)
  expect(shown.threads.toSorted((a, b) => a.pid - b.pid || a.tid - b.tid)).toEqual([
    { pid: 1, tid: 1, name: 'lane 1', slices: [['long', 0, 1_000_500]] },
    {
      ...{ pid: 1, tid: 2, name: 'lane 2' },
      slices: [
        ['#2', 100_000, 50_000],
        ['#3', 150_000, 300_000],
      ],
    },
    { pid: 2, tid: 1, name: 'lane 1', slices: [['#4', 20_000, 250]] },
  ])
})
