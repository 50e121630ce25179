import { accessSync, constants, statSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { DispatchSourceOptions } from '../dispatch/dispatch.js'
import type { WorkDispatchOptions } from '../fleet/work-options.js'
import type { InputRequest } from '../input/input.js'
import type { Fsync } from '../journal/append-file.js'
import type { JournalOptions } from '../journal/journal.js'
import { launcherFor } from '../launcher/default-launcher.js'
import { type ProgressForm, progressForm } from '../output/progress/progress-form.js'
import { othersPrint } from '../output/terminal/other-printers.js'
import type { Leftovers } from '../process/execution-options.js'
import { checkOneOf } from '../process/process-options.js'
import { OptionError } from '../task/errors.js'
import { hostsOptions } from './hosts-options.js'
import { readJobsFile } from './jobs-file.js'
import { printErr } from './print.js'
import type { RunWords } from './run-words.js'
import { sharingOptions } from './sharing-options.js'
import {
  checkHalt,
  fileName,
  given,
  parseCount,
  parseDelimiter,
  parseDuration,
  parseJobs,
  parseSize,
  systemReason,
} from './values.js'

/** How results and output are printed. */
export interface PrintingOptions {
  readonly mode: 'group' | 'line' | 'none'
  readonly tag: boolean
  readonly keepOrder: boolean
  readonly json: null | 'lines' | 'array'
  readonly tmpdir: string | undefined
  /** Where the output goes in place of being printed; null for nowhere else. */
  readonly results: string | null
}

/** @throws OptionError for options that contradict each other. */
export function printingOptions(words: RunWords): PrintingOptions {
  const forms = {
    '--json': words.json,
    '--json-array': words.jsonArray,
    '--line-buffer': words.lineBuffer,
    '--ungroup': words.ungroup,
  }
  const given = Object.entries(forms).filter(([, on]) => on === true)
  if (given.length > 1)
    throw new OptionError(`${given.map(([name]) => name).join(' and ')} exclude each other; give one of them`)
  const json = words.json === true ? 'lines' : words.jsonArray === true ? 'array' : null
  if (words.tag === true && json !== null)
    throw new OptionError('--tag is for the output of tasks; results in JSON have their id and index')
  if (words.ungroup === true && (words.tag === true || words.keepOrder === true)) {
    throw new OptionError(
      `--ungroup lets tasks print by themselves, so ${words.tag === true ? '--tag' : '--keep-order'} cannot hold; leave one out`,
    )
  }
  const printed = { '--tag': words.tag, '--line-buffer': words.lineBuffer, '--ungroup': words.ungroup }
  const [needless] = Object.entries(printed).find(([, on]) => on === true) ?? []
  if (words.results !== undefined && needless !== undefined)
    throw new OptionError(`${needless} is about output that is printed; with --results it goes to files`)
  if (words.tmpdir !== undefined) checkFolder('--tmpdir', fileName('--tmpdir', words.tmpdir))
  return {
    mode: words.ungroup === true ? 'none' : words.lineBuffer === true ? 'line' : 'group',
    tag: words.tag === true,
    keepOrder: words.keepOrder === true,
    json,
    tmpdir: words.tmpdir,
    results: words.results === undefined ? null : fileName('--results', words.results),
  }
}

/** @param readsStdin - whether tasks come from standard input; who types them there uses the terminal himself. */
export function progressOf(
  words: Pick<RunWords, 'progress' | 'quiet'>,
  { mode }: PrintingOptions,
  readsStdin: boolean,
): ProgressForm | null {
  if (words.quiet === true) return null
  const isTerminal = process.stderr.isTTY === true
  const isShared =
    mode === 'none' ||
    (readsStdin && isatty(0)) ||
    // Who has asked for it gets a log then; else it is looked at once there is something to show.
    (words.progress === true && isTerminal && othersPrint())
  return progressForm({ wanted: words.progress, isTerminal, isShared, env: process.env })
}

/** Tells who has called it without items, and has a terminal before them, what it waits for. */
export function tellOfTyping({ quiet }: Pick<RunWords, 'quiet'>, readsStdin: boolean, what: string): void {
  if (readsStdin && quiet !== true && isatty(0) && isatty(2))
    printErr(`drover: reading ${what} from the terminal until Ctrl-D\n`)
}

/** Bytes of each stream that a live report needs for the ends of outputs: beginning and end are kept. */
const REPORTED_OUTPUT = 16 * 1024

/** @throws OptionError that names the option and what was expected. */
export function dispatchOptions(words: RunWords, printing: PrintingOptions): DispatchSourceOptions {
  if (words.halt !== undefined) checkHalt('--halt', words.halt)
  const maxOutput = sizeOf('--max-output', words.maxOutput)
  const keepsResults = printing.json !== null || words.journal !== undefined
  const shownOutput = words.report === undefined ? 0 : REPORTED_OUTPUT
  return given({
    hosts: hostsOptions(words),
    ...taskSettings(words),
    totalTimeoutMs: durationOf('--total-timeout', words.totalTimeout),
    halt: words.halt,
    // What is only printed goes through the printer; nothing of it needs to be kept.
    maxOutputBytes: keepsResults ? maxOutput : shownOutput,
    keys: printing.json !== null,
    // Bytes go into JSON piece by piece; text would be there twice.
    encoding: keepsResults || shownOutput > 0 ? ('buffer' as const) : undefined,
    output: printing.mode === 'none' ? ('inherit' as const) : ('pipe' as const),
  })
}

/** How each task runs, and when it may start. @throws OptionError that names the option and what was expected. */
export function taskSettings(words: RunWords): WorkDispatchOptions {
  return given({
    concurrency: jobsOf(words),
    timeoutMs: durationOf('--timeout', words.timeout),
    retries: countOf('--retries', words.retries, 0),
    backoffMs: durationOf('--backoff', words.backoff),
    delayMs: durationOf('--delay', words.delay),
    killGraceMs: durationOf('--kill-grace', words.killGrace),
    ...sharingOptions(words),
    leftovers: words.leftovers as Leftovers | undefined,
    launcher: launcherFor(words.launcher as 'auto' | 'native' | 'node' | undefined, { unchanging: true }),
  })
}

export function durationOf(option: string, value: string | undefined): number | undefined {
  return value === undefined ? undefined : parseDuration(option, value)
}

export function sizeOf(option: string, value: string | undefined): number | undefined {
  return value === undefined ? undefined : parseSize(option, value)
}

export function countOf(option: string, value: string | undefined, least: number): number | undefined {
  return value === undefined ? undefined : parseCount(option, value, least)
}

function jobsOf({ jobs, jobsFile }: RunWords): number | undefined {
  if (jobs !== undefined && jobsFile !== undefined)
    throw new OptionError('--jobs and --jobs-file exclude each other; give one of them')
  if (jobsFile !== undefined) return readJobsFile(jobsFile)
  return jobs === undefined ? undefined : parseJobs(jobs)
}

/** A journal as it was asked for. */
export interface JournalRequest extends JournalOptions {
  readonly path: string
}

/** @throws OptionError for an option that makes no sense without a journal, or that contradicts another. */
export function journalRequest(words: RunWords, command: readonly string[]): JournalRequest | null {
  const { journal, resume = false, retryFailed = false, acceptChanges = false, fsync } = words
  if (journal === undefined) {
    const given = {
      '--resume': resume,
      '--retry-failed': retryFailed,
      '--accept-changes': acceptChanges,
      '--fsync': fsync,
    }
    const [name] = Object.entries(given).find(([, value]) => value) ?? []
    if (name !== undefined) throw new OptionError(`${name} is about a journal; name it with --journal FILE`)
    return null
  }
  if (resume && retryFailed)
    throw new OptionError('--resume and --retry-failed exclude each other; --retry-failed also runs what has not ended')
  if (acceptChanges && !resume && !retryFailed)
    throw new OptionError('--accept-changes is for --resume and --retry-failed; without them all tasks are run')
  return {
    path: journal,
    resume,
    retryFailed,
    acceptChanges,
    ...(fsync !== undefined && { fsync: checkOneOf('--fsync', fsync as Fsync, ['always', 'interval', 'never']) }),
    launcher: launcherFor(words.launcher as 'auto' | 'native' | 'node' | undefined, { unchanging: true }),
    command,
  }
}

/** The byte that ends an item, where one was asked for. */
export function delimiterOf(words: Pick<RunWords, 'null' | 'delimiter'>): number | undefined {
  if (words.null === true && words.delimiter !== undefined) {
    throw new OptionError('--null and --delimiter exclude each other; give one of them')
  }
  if (words.null === true) return 0
  return words.delimiter === undefined ? undefined : parseDelimiter(words.delimiter)
}

/** @throws OptionError that names the option and what was expected. */
export function itemOptions(words: RunWords): Omit<InputRequest, 'command' | 'stdin'> {
  const delimiter = delimiterOf(words)
  return {
    ...(delimiter !== undefined && { delimiter }),
    ...(words.shell === true && { shell: true }),
    ...(words.strict === true && { strict: true }),
    ...(words.replace !== undefined && { replace: words.replace }),
    ...(words.tasks !== undefined && { tasks: fileName('--tasks', words.tasks) }),
    ...(words.transfer !== undefined && { transfer: words.transfer }),
    ...(words.return !== undefined && { return: words.return }),
    ...(words.argFile !== undefined && { argFiles: words.argFile.map((name) => fileName('-a', name)) }),
    ...(words.colsep !== undefined && { columnSeparator: words.colsep }),
    ...(words.maxArgs === undefined ? null : { itemsPerTask: parseCount('--max-args', words.maxArgs, 1) }),
    ...(words.maxLine === undefined ? null : { maxLineBytes: parseSize('--max-line', words.maxLine) }),
  }
}

/** @throws OptionError unless it is a folder in which files can be made. */
function checkFolder(option: string, path: string): void {
  try {
    if (!statSync(path).isDirectory()) throw new OptionError(`${option}: ${path} is not a directory; name one that is`)
    accessSync(path, constants.W_OK | constants.X_OK)
  } catch (error) {
    if (error instanceof OptionError) throw error
    throw new OptionError(
      `${option}: ${path} cannot be used: ${systemReason(error)}; name a directory that can be written to`,
    )
  }
}
