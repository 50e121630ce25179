import { isMistakenJournal } from '../journal/journal-error.js'
import { FdWriter } from '../output/fd-writer.js'
import { printable } from '../output/printable.js'
import { removeUnfinished } from '../report/report-file.js'
import type { ReportForm, WrittenReport } from '../report/report-options.js'
import { streamReport, writeReport } from '../report/write-report.js'
import { OptionError } from '../task/errors.js'
import { brokenEnding, type Ending } from './exit.js'
import { printErr } from './print.js'
import { dieOf } from './signals.js'

/** All that `drover report` was asked for. */
export interface ReportRequest {
  readonly journal: string
  /** Null for beside the journal, `-` for standard output. */
  readonly output: string | null
  readonly form: ReportForm
  readonly quiet: boolean
}

/**
 * Makes a report and says where it is.
 *
 * @throws OptionError when the journal cannot be used or nothing can be written there; what drover itself could not go on for.
 */
export async function printReport({ journal, output, form, quiet }: ReportRequest): Promise<Ending> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      removeUnfinished()
      dieOf(signal)
    })
  }
  let damagedLines = 0
  let brokenBy: NodeJS.ErrnoException | null = null
  const onDamage = () => {
    damagedLines += 1
  }
  const tellOfDamage = () => {
    if (damagedLines === 0) return
    const lines = damagedLines === 1 ? '1 line is no record and was' : `${damagedLines} lines are no records and were`
    printErr(`drover: ${printable(journal)}: ${lines} passed over, as after a power cut\n`)
  }
  try {
    if (output === '-') {
      const stdout = new FdWriter(1, {
        onBroken: (error) => {
          brokenBy = error
          if (error.code !== 'EPIPE') printErr(`drover: standard output cannot be written to: ${error.message}\n`)
        },
      })
      await streamReport(journal, { form, onDamage }, async (text) => {
        await stdout.write(text)
        return !stdout.broken
      })
      await stdout.flush()
      tellOfDamage()
      return brokenEnding(brokenBy) ?? { status: 0 }
    }
    const written = await writeReport(journal, { form, onDamage, ...(output !== null && { file: output }) })
    tellOfDamage()
    if (!quiet) printErr(`drover: ${wordsOf(written, form)}\n`)
    return { status: 0 }
  } catch (error) {
    throw isMistakenJournal(error) ? new OptionError(error.message) : error
  }
}

function wordsOf({ path, bytes, results, attempts, runs }: WrittenReport, form: ReportForm): string {
  const count = (number: number, what: string) => `${number.toLocaleString('en')} ${what}${number === 1 ? '' : 's'}`
  const tried = attempts === 0 ? '' : `, ${count(attempts, 'attempt')} tried again`
  const of = runs.length > 1 ? ` of ${count(runs.length, 'run')}` : ''
  const size = bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
  const where = form === 'trace' ? '; open it in ui.perfetto.dev, or in the performance panel of Chromium' : ''
  return `${printable(path)}: ${count(results, 'result')}${tried}${of}, ${size}${where}`
}
