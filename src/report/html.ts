import type { PieceWriter, ReportSource, Written } from './make-report.js'
import { packageVersion } from './package-version.js'
import { CHUNK_ROWS, dataElement, packHead, packRows, pageParts } from './page-file.js'
import { RowMaker } from './row-of.js'
import type { ReportRow } from './rows.js'

/** Whether a file begins as those that {@link writeHtml} writes. */
export function isHtmlReport(beginning: string): boolean {
  return beginning.includes('<meta name="generator" content="drover">')
}

/** Writes one page with all that it shows. */
export async function writeHtml(source: ReportSource, write: PieceWriter): Promise<Written> {
  const { before, after } = await pageParts(false)
  const maker = new RowMaker()
  const counts = { results: 0, attempts: 0 }
  let rows: ReportRow[] = []
  const flush = async (): Promise<boolean> => {
    if (rows.length === 0) return true
    const packed = await packRows(rows)
    rows = []
    return write(dataElement('rows', packed))
  }
  if (!(await write(before))) return counts
  for await (const chosen of source.records.chosen()) {
    for (const { record, run } of chosen) {
      counts[record.type === 'result' ? 'results' : 'attempts'] += 1
      rows.push(maker.rowOf(record, run))
      if (rows.length === CHUNK_ROWS && !(await flush())) return counts
    }
  }
  await flush()
  const head = await packHead({
    source: source.name,
    version: packageVersion(),
    madeAt: Date.now(),
    runs: source.records.runs,
    damagedLines: source.damagedLines,
    withoutOutput: maker.withoutOutput,
    leftOut: 0,
    live: null,
  })
  await write(dataElement('head', head) + after)
  return counts
}
