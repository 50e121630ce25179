import { type LauncherChoice, launcherFor } from '../launcher/default-launcher.js'
import type { Launcher } from '../launcher/port.js'
import { type Log, type Logger, logOf } from '../observe/logger.js'
import { OptionError } from '../task/errors.js'
import type { Leftovers } from './execution-options.js'
import { type CheckedLimits, checkLimits, LIMITS, type Limits } from './limits.js'
import type { OutputEncoding } from './result-of.js'

/** How one command is run. All of it is optional. */
export interface ExecutionSettings extends Limits {
  /** Milliseconds an attempt may take before it is ended as `timed-out`; 0 is no limit. Default: 0. */
  readonly timeoutMs?: number | undefined
  /** Milliseconds between TERM and KILL when a tree is ended. Default: 5,000. */
  readonly killGraceMs?: number | undefined
  /**
   * Milliseconds without output for which descendants that outlive the task may hold its output open, or live, before
   * `leftovers` applies. With output, ten times as long. Default: 250.
   */
  readonly pipeGraceMs?: number | undefined
  /** Bytes of each stream that a result keeps, beginning and end; never what is passed on. Default: 16 MiB; at most 256 MiB. */
  readonly maxOutputBytes?: number | undefined
  /** What happens to processes that a task leaves behind. Default: `kill`. */
  readonly leftovers?: Leftovers | undefined
  /** Whether output is given as text or as bytes. Default: `utf8`. */
  readonly encoding?: OutputEncoding | undefined
  /** What starts the processes. Default: the best that works here. */
  readonly launcher?: LauncherChoice | undefined
  /** Told what is going on, as of `pino`, or `console`. Default: nothing is written anywhere. */
  readonly logger?: Logger | undefined
}

export interface CheckedSettings {
  readonly limits: CheckedLimits
  readonly timeoutMs: number
  readonly killGraceMs: number
  readonly pipeGraceMs: number
  readonly maxOutputBytes: number
  readonly leftovers: Leftovers
  readonly encoding: OutputEncoding
  readonly launcher: Launcher
  readonly log: Log | null
}

/** The longest time that a Node timer can measure: 24 days and 20 hours. */
export const MAX_DURATION_MS = 2 ** 31 - 1

/** Beyond this, text and its base64 would be longer than a string can be. */
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024

export function checkOutputLimit(value: unknown): number {
  const bytes = checkCount('maxOutputBytes', value)
  if (bytes <= MAX_OUTPUT_BYTES) return bytes
  throw new OptionError(
    `maxOutputBytes: expected at most ${MAX_OUTPUT_BYTES} (256 MiB), not ${bytes}; take more than that from onOutput`,
  )
}

/** @throws OptionError that names the option and what was expected. */
export function checkSettings(settings: ExecutionSettings): CheckedSettings {
  const launcher = launcherFor(settings.launcher)
  return {
    limits: checkLimits(settings, launcher),
    timeoutMs: checkDuration('timeoutMs', settings.timeoutMs ?? 0),
    killGraceMs: checkDuration('killGraceMs', settings.killGraceMs ?? 5_000),
    pipeGraceMs: checkDuration('pipeGraceMs', settings.pipeGraceMs ?? 250),
    maxOutputBytes: checkOutputLimit(settings.maxOutputBytes ?? 16 * 1024 * 1024),
    leftovers: checkOneOf('leftovers', settings.leftovers ?? 'kill', ['kill', 'keep', 'wait']),
    encoding: checkOneOf('encoding', settings.encoding ?? 'utf8', ['utf8', 'buffer']),
    launcher,
    log: logOf(settings.logger),
  }
}

export function checkDuration(name: string, value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= MAX_DURATION_MS)) {
    throw new OptionError(`${name}: expected milliseconds from 0 to ${MAX_DURATION_MS}, not ${String(value)}`)
  }
  return value
}

export function checkCount(name: string, value: unknown, least = 0): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) {
    throw new OptionError(`${name}: expected a whole number of at least ${least}, not ${String(value)}`)
  }
  return value
}

export function checkOneOf<T extends string>(name: string, value: T, known: readonly T[]): T {
  if (!known.includes(value)) {
    throw new OptionError(`${name}: expected one of ${known.join(', ')}, not ${JSON.stringify(value)}`)
  }
  return value
}

const SETTINGS = [
  'timeoutMs',
  'killGraceMs',
  'pipeGraceMs',
  'maxOutputBytes',
  'leftovers',
  'encoding',
  'launcher',
  'logger',
  ...LIMITS,
] as const

/** All that `run()` and `Process` take. */
export const PROCESS_OPTIONS: readonly string[] = [
  ...SETTINGS,
  ...[
    'id',
    'name',
    'cwd',
    'env',
    'stdin',
    'stdinFile',
    'stdinRanges',
    'meta',
    'weight',
    'priority',
    'signal',
    'reject',
  ],
]

/** All that `dispatch()` and `Dispatcher` take. */
export const DISPATCH_OPTIONS: readonly string[] = [
  ...SETTINGS,
  ...[
    'concurrency',
    'retries',
    'backoffMs',
    'delayMs',
    'totalTimeoutMs',
    'halt',
    'signal',
    'keys',
    'input',
    'output',
    'run',
  ],
  ...[
    'journal',
    'onResult',
    'onAttempt',
    'onOutput',
    'beforeStart',
    'total',
    'readRest',
    'lookahead',
    'onAlreadyDone',
    'keepFinished',
    'pool',
    'hosts',
    'messageOf',
    'runner',
    'onWarning',
    'control',
    'slots',
    'maxLoad',
    'minFreeBytes',
    'maxPressure',
    'jobserver',
    'jobserverForm',
  ],
]

/** @throws OptionError for an option that is not known: to ignore a mistyped timeout would be no kindness. */
export function rejectUnknown(what: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name))
      throw new OptionError(`${what}: there is no option ${JSON.stringify(name)}; known are ${known.join(', ')}`)
  }
}

/** @throws OptionError unless it is an AbortSignal or nothing. */
export function checkSignal(signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return
  throw new OptionError(`signal: expected an AbortSignal, not ${String(signal)}`)
}
