import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { DispatchSourceOptions } from '../dispatch/dispatch.js'
import type { MessageForm, MessagesRequest } from '../input/messages.js'
import { launcherFor } from '../launcher/default-launcher.js'
import type { WorkerProgram } from '../pool/check-pool-options.js'
import type { PoolOptions, PoolProtocol } from '../pool/pool-options.js'
import { checkOneOf } from '../process/process-options.js'
import { OptionError } from '../task/errors.js'
import type { Text } from '../task/task.js'
import { type ListenAddress, parseListenAddress } from '../web/listen-address.js'
import type { PoolWords } from './pool-words.js'
import type { Showing } from './printed-run.js'
import { delimiterOf, type JournalRequest, journalRequest, printingOptions, progressOf } from './run-options.js'
import { sharingOptions } from './sharing-options.js'
import { standardInput } from './standard-input.js'
import { checkHalt, fileName, given, parseColor, parseCount, parseDuration, parseJobs, parseSize } from './values.js'

/** All that `drover pool` was asked for. */
export interface PoolRequest extends Showing {
  readonly program: WorkerProgram
  readonly args: readonly Text[] | undefined
  readonly pool: PoolOptions & { readonly protocol: PoolProtocol }
  readonly messages: Omit<MessagesRequest, 'command'>
  readonly dispatch: DispatchSourceOptions
  readonly journal: JournalRequest | null
  /** Where the run is shown while it goes on; null for nowhere. */
  readonly report: ListenAddress | null
}

/** @throws OptionError that names the option and what was expected. */
export function poolRequest(command: readonly Text[], words: PoolWords): PoolRequest {
  const printing = printingOptions(words)
  const form = formOf(words)
  if (printing.tag && form !== 'lines')
    throw new OptionError('--tag puts a message in front of lines; leave out one of the two')
  const { isTTY = false } = process.stderr
  return {
    ...programOf(command, words),
    pool: poolOptions(words),
    messages: {
      form,
      ...given({
        files: words.argFile?.map((name) => fileName('-a', name)),
        delimiter: delimiterOf(words),
        strict: words.strict,
        maxLineBytes: read('--max-line', words.maxLine, parseSize),
      }),
      stdin: standardInput(),
    },
    dispatch: dispatchOptions(words),
    journal: journalRequest(words, ['drover', ...process.argv.slice(2)]),
    report: words.report === undefined ? null : parseListenAddress('--report', words.report),
    printing,
    progress: progressOf(words, printing, words.argFile?.includes('-') ?? true),
    quiet: words.quiet === true,
    verbose: words.verbose === true,
    color: parseColor(words.color ?? 'auto', isTTY),
  }
}

function programOf(command: readonly Text[], { module }: PoolWords): Pick<PoolRequest, 'program' | 'args'> {
  if (module !== undefined) {
    if (command.length > 0)
      throw new OptionError('--module is what the workers run, in place of COMMAND; leave out one of the two')
    if (!existsSync(module)) throw new OptionError(`--module: there is no file ${module}; check its name`)
    return { program: pathToFileURL(resolve(module)), args: undefined }
  }
  const [program, ...args] = command
  if (program === undefined) throw new OptionError('say what the workers are: a COMMAND, or --module FILE')
  return { program, args: args.length === 0 ? undefined : args }
}

function formOf(words: PoolWords): MessageForm {
  if (words.jsonl === true && words.lengths === true)
    throw new OptionError('--jsonl and --lengths exclude each other; give one of them')
  const cut = words.null === true || words.delimiter !== undefined
  if (cut && (words.jsonl === true || words.lengths === true))
    throw new OptionError('-0 and -d say where messages end, and so do --jsonl and --lengths; leave out one of the two')
  return words.jsonl === true ? 'jsonl' : words.lengths === true ? 'length' : 'lines'
}

function poolOptions(words: PoolWords): PoolRequest['pool'] {
  const { jobs, module } = words
  const protocol = checkOneOf(
    '--protocol',
    (words.protocol ?? (module === undefined ? 'lines' : 'frames')) as PoolProtocol,
    ['frames', 'lines', 'process-pool'],
  )
  if (module !== undefined && protocol !== 'frames')
    throw new OptionError(`--protocol: a module speaks frames, not ${protocol}; leave it out`)
  return {
    protocol,
    encoding: 'buffer',
    ...sharingOptions(words),
    ...given({
      max: jobs === undefined ? undefined : parseFiniteJobs(jobs),
      min: read('--min', words.min, atLeast0),
      pipeline: read('--pipeline', words.pipeline, atLeast1),
      maxRequests: read('--max-requests', words.maxRequests, atLeast1),
      maxAgeMs: read('--max-age', words.maxAge, parseDuration),
      recycleMemoryBytes: read('--recycle-memory', words.recycleMemory, parseSize),
      startTimeoutMs: read('--start-timeout', words.startTimeout, parseDuration),
      killGraceMs: read('--kill-grace', words.killGrace, parseDuration),
      maxOutputBytes: read('--max-output', words.maxOutput, parseSize),
      launcher: launcherFor(words.launcher as 'auto' | 'native' | 'node' | undefined, { unchanging: true }),
    }),
  }
}

function read<Value>(option: string, words: string | undefined, parse: (option: string, words: string) => Value) {
  return words === undefined ? undefined : parse(option, words)
}

const atLeast0 = (option: string, words: string) => parseCount(option, words, 0)
const atLeast1 = (option: string, words: string) => parseCount(option, words, 1)

/** Workers are kept, so that their number cannot follow that of the messages. */
function parseFiniteJobs(words: string): number {
  const jobs = parseJobs(words)
  if (Number.isFinite(jobs)) return jobs
  throw new OptionError('--jobs: workers stay, so that there must be a limit; give a number of at least 1')
}

function dispatchOptions(words: PoolWords): DispatchSourceOptions {
  if (words.halt !== undefined) checkHalt('--halt', words.halt)
  return given({
    timeoutMs: read('--timeout', words.timeout, parseDuration),
    totalTimeoutMs: read('--total-timeout', words.totalTimeout, parseDuration),
    retries: read('--retries', words.retries, atLeast0),
    backoffMs: read('--backoff', words.backoff, parseDuration),
    delayMs: read('--delay', words.delay, parseDuration),
    halt: words.halt,
    keys: words.json === true || words.jsonArray === true,
    encoding: 'buffer' as const,
  })
}
