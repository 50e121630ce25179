import { accessSync, constants, statSync } from 'node:fs'
import type { Command } from 'commander'
import type { DispatchSourceOptions } from '../dispatch/dispatch.js'
import { parseHalt } from '../dispatch/halt.js'
import type { InputRequest } from '../input/input.js'
import type { Fsync } from '../journal/append-file.js'
import type { JournalOptions } from '../journal/journal.js'
import { launcherFor } from '../launcher/default-launcher.js'
import type { Leftovers } from '../process/execution.js'
import { checkOneOf } from '../process/process-options.js'
import { OptionError } from '../task/errors.js'
import { parseCount, parseDelimiter, parseDuration, parseJobs, parseSize } from './values.js'

/** Options of `drover run` as commander gives them: words, and true for flags. */
export interface RunWords {
  readonly jobs?: string
  readonly keepOrder?: true
  readonly tag?: true
  readonly lineBuffer?: true
  readonly ungroup?: true
  readonly json?: true
  readonly jsonArray?: true
  readonly timeout?: string
  readonly totalTimeout?: string
  readonly retries?: string
  readonly backoff?: string
  readonly delay?: string
  readonly killGrace?: string
  readonly halt?: string
  readonly leftovers?: string
  readonly journal?: string
  readonly resume?: true
  readonly retryFailed?: true
  readonly acceptChanges?: true
  readonly fsync?: string
  readonly maxOutput?: string
  readonly tmpdir?: string
  readonly tasks?: string
  readonly argFile?: string[]
  readonly null?: true
  readonly delimiter?: string
  readonly colsep?: string
  readonly maxArgs?: string
  readonly replace?: string
  readonly shell?: true
  readonly strict?: true
  readonly maxLine?: string
  readonly progress?: boolean
  readonly quiet?: true
  readonly verbose?: true
  readonly dryRun?: true
  readonly color?: string
  readonly launcher?: string
}

/** Adds the options of `drover run` to a command, in the groups in which its help shows them. */
export function addRunOptions(command: Command): Command {
  const collect = (value: string, before: string[] = []) => [...before, value]
  return command
    .optionsGroup('Where the tasks come from:')
    .option('--tasks <file>', 'tasks: a JSON array, JSON lines, or rows of a .csv or .tsv; - is stdin')
    .option('-a, --arg-file <file>', 'items from the lines of a file; may be given several times; - is stdin', collect)
    .option('-0, --null', 'items end with NUL, as find -print0 writes them')
    .option('-d, --delimiter <c>', 'items end with this character')
    .option('--colsep <regexp>', 'split items into columns {1}, {2}, …')
    .option('-n, --max-args <n>', 'give so many items to each command')
    .option('-I, --replace <str>', 'use this in place of {}')
    .option('--shell', 'join the words of COMMAND into a line for the shell')
    .option('--strict', 'stop at the first bad line of a stream')
    .option('--max-line <size>', 'a longer line is bad (64MiB)')
    .optionsGroup('How they run:')
    .option('-j, --jobs <n>', 'how many at once: a number, 50%, +2, -1 (the CPUs there are)')
    .option('--timeout <dur>', 'end a task that takes longer, as in 500ms, 2s, 5m, 1h')
    .option('--total-timeout <dur>', 'end the whole run after this time')
    .option('--retries <n>', 'try a task that did not succeed again, so often (0)')
    .option('--backoff <dur>', 'wait before a retry; doubles each time, with jitter (1s)')
    .option('--delay <dur>', 'wait between two starts (0s)')
    .option('--halt <when>', 'never, or now or soon with fail, success or done: now,fail=1, soon,fail=20%')
    .option('--kill-grace <dur>', 'time between TERM and KILL (5s)')
    .option('--leftovers <what>', 'kill, keep or wait for processes that a task leaves behind (kill)')
    .option('--launcher <name>', 'what starts the processes: auto, native or node (auto)')
    .optionsGroup('What is kept:')
    .option('--journal <file>', 'append each result to it the moment it is known')
    .option('--resume', 'run only what has no conclusive result in the journal')
    .option('--retry-failed', 'run all that has not succeeded in the journal')
    .option('--accept-changes', 'run a task again whose id has another command in the journal')
    .option('--fsync <when>', 'force the journal to the disk: always, interval (once a second) or never (interval)')
    .optionsGroup('What is printed:')
    .option('-k, --keep-order', 'output in the order of the input')
    .option('--tag', 'put the item and a tab in front of each line')
    .option('--line-buffer', 'print whole lines as they come')
    .option('--ungroup', 'let tasks print by themselves, all at once')
    .option('--json', 'print results, a JSON object a line, in place of output')
    .option('--json-array', 'print results as one JSON array')
    .option('--max-output <size>', 'keep so much of each stream in a result (16MiB)')
    .option('--tmpdir <dir>', 'where output waits that outgrows memory')
    .option('--progress', 'count on stderr what is done (on when it is a terminal)')
    .option('--no-progress', 'do not')
    .option('--quiet', 'say nothing on stderr but errors in the call')
    .option('--verbose', 'say on stderr what is started and how it ended')
    .option('--dry-run', 'print the commands and start nothing')
    .option('--color <when>', 'color messages: auto, always or never (auto)')
}

/** How results and output are printed. */
export interface PrintingOptions {
  readonly mode: 'group' | 'line' | 'none'
  readonly tag: boolean
  readonly keepOrder: boolean
  readonly json: null | 'lines' | 'array'
  readonly tmpdir: string | undefined
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
  if (words.tmpdir !== undefined) checkFolder('--tmpdir', words.tmpdir)
  return {
    mode: words.ungroup === true ? 'none' : words.lineBuffer === true ? 'line' : 'group',
    tag: words.tag === true,
    keepOrder: words.keepOrder === true,
    json,
    tmpdir: words.tmpdir,
  }
}

/** @throws OptionError that names the option and what was expected. */
export function dispatchOptions(words: RunWords, printing: PrintingOptions): DispatchSourceOptions {
  const duration = (option: string, value: string | undefined) =>
    value === undefined ? undefined : parseDuration(option, value)
  if (words.halt !== undefined) parseHalt(words.halt)
  const maxOutput = words.maxOutput === undefined ? undefined : parseSize('--max-output', words.maxOutput)
  const keepsResults = printing.json !== null || words.journal !== undefined
  const given = {
    concurrency: words.jobs === undefined ? undefined : parseJobs(words.jobs),
    timeoutMs: duration('--timeout', words.timeout),
    totalTimeoutMs: duration('--total-timeout', words.totalTimeout),
    retries: words.retries === undefined ? undefined : parseCount('--retries', words.retries, 0),
    backoffMs: duration('--backoff', words.backoff),
    delayMs: duration('--delay', words.delay),
    killGraceMs: duration('--kill-grace', words.killGrace),
    halt: words.halt,
    leftovers: words.leftovers as Leftovers | undefined,
    launcher: launcherFor(words.launcher as 'auto' | 'native' | 'node' | undefined, { unchanging: true }),
    // What is only printed goes through the printer; nothing of it needs to be kept.
    maxOutputBytes: keepsResults ? maxOutput : 0,
    keys: printing.json !== null,
    // Bytes go into JSON piece by piece; text would be there twice.
    encoding: keepsResults ? ('buffer' as const) : undefined,
    output: printing.mode === 'none' ? ('inherit' as const) : ('pipe' as const),
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
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
function delimiterOf(words: RunWords): number | undefined {
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
    ...(words.tasks !== undefined && { tasks: words.tasks }),
    ...(words.argFile !== undefined && { argFiles: words.argFile }),
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
      `${option}: ${path} cannot be used: ${(error as Error).message}; name a directory that can be written to`,
    )
  }
}
