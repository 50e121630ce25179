import { isatty } from 'node:tty'
import { isMistakenJournal } from '../journal/journal-error.js'
import { type ReadResultsOptions, readResults } from '../journal/read-results.js'
import { FdWriter } from '../output/fd-writer.js'
import { printable } from '../output/printable.js'
import { summaryLine } from '../output/progress/progress-words.js'
import { JsonLines, type ResultPrinter } from '../output/result-printer.js'
import { ResultTable } from '../output/result-table.js'
import { OptionError } from '../task/errors.js'
import { RESULT_STATES, type ResultState } from '../task/result.js'
import { brokenEnding, type Ending } from './exit.js'

/** All that `drover results` was asked for. */
export interface ResultsRequest {
  readonly path: string
  readonly options: ReadResultsOptions
  readonly form: 'table' | 'json' | 'csv'
  readonly color: boolean
}

/**
 * Reads a journal and prints what is in it.
 *
 * @throws OptionError when the file cannot be opened or is no journal; JournalError when reading it fails.
 */
export async function printResults(request: ResultsRequest): Promise<Ending> {
  let brokenBy: NodeJS.ErrnoException | null = null
  const stderr = new FdWriter(2)
  const stdout = new FdWriter(1, {
    onBroken: (error) => {
      brokenBy = error
      if (error.code !== 'EPIPE') void stderr.write(`drover: standard output cannot be written to: ${error.message}\n`)
    },
  })
  const printer = await printerFor(request, stdout)
  const byState = Object.fromEntries(RESULT_STATES.map((state) => [state, 0])) as Record<ResultState, number>
  let damagedLines = 0
  const onDamage = () => {
    damagedLines += 1
  }
  try {
    for await (const record of readResults(request.path, { ...request.options, onDamage })) {
      byState[record.state] += 1
      await printer.print(record)
      if (stdout.broken) break
    }
    await printer.end()
  } catch (error) {
    throw isMistakenJournal(error) ? new OptionError(error.message) : error
  } finally {
    await stdout.flush()
  }
  if (damagedLines > 0) {
    const lines = damagedLines === 1 ? '1 line is no record and was' : `${damagedLines} lines are no records and were`
    void stderr.write(`drover: ${printable(request.path)}: ${lines} passed over, as after a power cut\n`)
  }
  const what = request.options.attempts === true ? 'record' : 'result'
  if (request.form === 'table' && brokenBy === null) void stderr.write(`${summaryLine({ byState }, what)}\n`)
  await stderr.flush()
  return brokenEnding(brokenBy) ?? { status: 0 }
}

async function printerFor({ form, color, options }: ResultsRequest, writer: FdWriter): Promise<ResultPrinter> {
  if (form === 'json') return new JsonLines(writer)
  if (form === 'table') {
    // Node makes a pipe that it is asked about one that cannot wait, so only a terminal is.
    const columns = isatty(1) ? () => process.stdout.columns : () => null
    return new ResultTable({ writer, color, columns })
  }
  const { CsvRows } = await import('../output/result-csv.js')
  return new CsvRows(writer, options.attempts === true)
}
