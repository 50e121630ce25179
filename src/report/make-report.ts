import { basename } from 'node:path'
import type { DamagedLine } from '../journal/journal-file.js'
import { isHtmlReport, writeHtml } from './html.js'
import { JournalRecords } from './journal-records.js'
import { ReportFile } from './report-file.js'
import type { ReportForm, WrittenReport } from './report-options.js'
import { isTrace, writeTrace } from './trace.js'

export interface ReportRequest {
  readonly journal: string
  readonly form: ReportForm
  readonly onDamage: ((line: DamagedLine) => void) | undefined
}

/** Takes a piece of a report; false when no more is wanted. */
export type PieceWriter = (text: string) => Promise<boolean>

/** What the writers of both forms are given. */
export interface ReportSource {
  readonly name: string
  readonly records: JournalRecords
  readonly damagedLines: number
}

/** How many records of each type there were. */
export interface Written {
  readonly results: number
  readonly attempts: number
}

/** Hands a report on piece by piece. */
export async function reportTo(request: ReportRequest, write: PieceWriter): Promise<void> {
  await withSource(request, (source) => writerOf(request)(source, write))
}

/** @param target - `keepsOthers`: whether a file that is there and that drover has not made stays. */
export async function reportToFile(
  request: ReportRequest,
  target: { readonly file: string; readonly keepsOthers: boolean },
): Promise<WrittenReport> {
  return withSource(request, async (source) => {
    const isOurs = request.form === 'html' ? isHtmlReport : isTrace
    const { keepsOthers } = target
    const file = await ReportFile.create(target.file, { keepsOthers, isOurs, source: request.journal })
    try {
      const written = await writerOf(request)(source, (text) => file.write(text))
      await file.finish()
      return { path: target.file, bytes: file.bytes, ...written, runs: source.records.runs.map(({ run }) => run) }
    } catch (error) {
      await file.discard()
      throw error
    }
  })
}

function writerOf({ form }: ReportRequest): typeof writeHtml {
  return form === 'html' ? writeHtml : writeTrace
}

async function withSource<Value>(
  { journal, onDamage }: ReportRequest,
  use: (source: ReportSource) => Promise<Value>,
): Promise<Value> {
  let damagedLines = 0
  const records = await JournalRecords.open(journal, (line) => {
    damagedLines += 1
    onDamage?.(line)
  })
  try {
    return await use({ name: basename(journal), records, damagedLines })
  } finally {
    await records.close()
  }
}
