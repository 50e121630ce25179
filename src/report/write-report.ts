import { basename, extname } from 'node:path'
import { checkOneOf, rejectUnknown } from '../process/process-options.js'
import { OptionError } from '../task/errors.js'
import type { ReportForm, ReportOptions, WrittenReport } from './report-options.js'

/**
 * Makes a report of a journal, or of what `drover run --json` has printed: a file that needs nothing else, and that only its owner can
 * read, since outputs may hold secrets. The journal may still be being written. It is read two or three times and not kept: memory is some
 * 100 bytes a task.
 *
 * @param journal - its path.
 * @throws (as a rejection) OptionError for an option that cannot be used, or a place where nothing can be written; JournalError when the
 * journal is missing, cannot be read or is none; DroverError `ERR_DROVER_REPORT` when writing fails. What was there before then stays.
 *
 * @example
 * const { path } = await writeReport('night.jsonl')
 */
export async function writeReport(journal: string, options: ReportOptions = {}): Promise<WrittenReport> {
  const { file, form, onDamage } = checkOptions(journal, options)
  // A program that only runs tasks has no need of it.
  const { reportToFile } = await import('./make-report.js')
  const target = { file: file ?? defaultFile(journal, form), keepsOthers: file === undefined }
  return reportToFile({ journal, form, onDamage }, target)
}

/**
 * The same, but hands it on piece by piece.
 *
 * @param write - takes a piece; false when no more is wanted.
 */
export async function streamReport(
  journal: string,
  options: Omit<ReportOptions, 'file'>,
  write: (text: string) => Promise<boolean>,
): Promise<void> {
  const { form, onDamage } = checkOptions(journal, options)
  const { reportTo } = await import('./make-report.js')
  await reportTo({ journal, form, onDamage }, write)
}

/** @throws OptionError that names the option and what was expected. */
function checkOptions(journal: string, options: ReportOptions) {
  if (typeof journal !== 'string' || journal === '' || journal.includes('\0'))
    throw new OptionError(`writeReport(): expected the path of a journal, not ${JSON.stringify(journal)}`)
  rejectUnknown('writeReport()', options, ['file', 'form', 'onDamage'])
  const { file, onDamage } = options
  if (file !== undefined && (typeof file !== 'string' || file === '' || file.includes('\0')))
    throw new OptionError(`file: expected the path of a file, not ${JSON.stringify(file)}`)
  if (onDamage !== undefined && typeof onDamage !== 'function')
    throw new OptionError(`onDamage: expected a function, not ${String(onDamage)}`)
  const form = checkOneOf('form', options.form ?? 'html', ['html', 'trace'] as const)
  return { file, form, onDamage }
}

/** The journal's name with another ending; one that is part of the name, as in `night.2026`, stays. */
function defaultFile(journal: string, form: ReportForm): string {
  const known =
    /^\.(jsonl|ndjson|json|journal|log|txt)$/i.test(extname(journal)) && basename(journal) !== extname(journal)
  const stem = known ? journal.slice(0, -extname(journal).length) : journal
  return `${stem}${form === 'html' ? '.html' : '.trace.json'}`
}
