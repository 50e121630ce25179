import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { launcherFor } from '../launcher/default-launcher.js'
import { logOf } from '../observe/logger.js'
import { noticeOpenTelemetry } from '../observe/opentelemetry/automatic.js'
import { checkLimits, LIMITS } from '../process/limits.js'
import { checkCount, checkDuration, checkOneOf, checkOutputLimit, rejectUnknown } from '../process/process-options.js'
import { jobserverJobs } from '../slots/jobserver/jobserver-source.js'
import { SLOT_OPTIONS, slotSourcesOf } from '../slots/slot-sources.js'
import { usableCpus } from '../slots/usable-cpus.js'
import { checkedTask } from '../task/check-task.js'
import { OptionError } from '../task/errors.js'
import type { Task, Text } from '../task/task.js'
import { encodeLine } from './lines-conversation.js'
import type { CheckedPoolOptions, PoolOptions, PoolProtocol } from './pool-options.js'
import { COUNTED_HEADER_BYTES } from './wire/frame.js'

/** A module that calls `serve()` or exports `handle`; a program; or a line for the shell. */
export type WorkerProgram = URL | Text

/** Beside this file's folder; beside this file where all is in one. */
const MODULE_MAIN_PLACES = ['../worker/module-main.js', './worker/module-main.js']
const BUSY_POLL_MS = 0.2
const MOST_BUSY_POLL_MS = 10
const MOST_MESSAGE_BYTES = 0x3fff_ffff

/** @throws OptionError that names the option and what was expected; InputError for a command that cannot be one. */
export function checkPoolOptions(
  program: WorkerProgram,
  args: readonly Text[] | undefined,
  options: PoolOptions,
): CheckedPoolOptions {
  rejectUnknown('ProcessPool', options, KNOWN)
  noticeOpenTelemetry()
  const isModule = program instanceof URL
  const protocol = checkProtocol(options.protocol, isModule)
  const launcher = launcherFor(options.launcher)
  return {
    protocol,
    ...checkSizes(options),
    pipeline: checkPipeline(options.pipeline, protocol),
    busyPollMs: checkBusyPoll(options.busyPollMs),
    exhausted: checkOneOf('exhausted', options.exhausted ?? 'wait', ['wait', 'throw']),
    maxQueue: checkCount('maxQueue', options.maxQueue ?? 100_000),
    timeoutMs: checkDuration('timeoutMs', options.timeoutMs ?? 0),
    retries: checkCount('retries', options.retries ?? 0),
    maxRequests: checkCount('maxRequests', options.maxRequests ?? 0),
    maxAgeMs: checkDuration('maxAgeMs', options.maxAgeMs ?? 0),
    maxIdleMs: checkDuration('maxIdleMs', options.maxIdleMs ?? 0),
    recycleMemoryBytes: checkMemory('recycleMemoryBytes', options.recycleMemoryBytes),
    limits: checkLimits(options, launcher),
    slotSources: slotSourcesOf(options),
    checkIntervalMs: checkInterval(options.checkIntervalMs ?? 500),
    ...checkHealth(options, protocol),
    startTimeoutMs: checkDuration('startTimeoutMs', options.startTimeoutMs ?? 60_000),
    maxStartFailures: checkCount('maxStartFailures', options.maxStartFailures ?? 3, 1),
    startBackoffMs: checkDuration('startBackoffMs', options.startBackoffMs ?? 100),
    maxMessageBytes: checkMessageBytes(options.maxMessageBytes ?? 256 * 1024 * 1024),
    maxOutputBytes: checkOutputLimit(options.maxOutputBytes ?? 16 * 1024 * 1024),
    killGraceMs: checkDuration('killGraceMs', options.killGraceMs ?? 5_000),
    encoding: checkOneOf('encoding', options.encoding ?? 'utf8', ['utf8', 'buffer']),
    launcher,
    log: logOf(options.logger),
    task: taskOf(program, args, options),
    program: programCommand(program, args),
    isModule,
  }
}

function checkProtocol(protocol: PoolProtocol | undefined, isModule: boolean): PoolProtocol {
  if (protocol === undefined && !isModule) {
    throw new OptionError(
      'protocol: it must be said how a command talks: "frames" (made with drover/worker), "lines" or "process-pool"',
    )
  }
  const checked = checkOneOf('protocol', protocol ?? 'frames', ['frames', 'lines', 'process-pool'])
  if (isModule && checked !== 'frames') {
    throw new OptionError(
      `protocol: a module speaks frames, not ${checked}; start it as a command to have it speak that`,
    )
  }
  return checked
}

function checkSizes(options: PoolOptions): Pick<CheckedPoolOptions, 'min' | 'max' | 'maxSpare'> {
  const min = checkCount('min', options.min ?? 0)
  const max = checkCount(
    'max',
    options.max ?? Math.max(min, jobserverJobs(options.jobserver ?? 'off') ?? usableCpus()),
    1,
  )
  if (min > max) throw new OptionError(`min: expected at most max, which is ${max}, not ${min}`)
  if (options.maxSpare === Number.POSITIVE_INFINITY) return { min, max, maxSpare: max }
  const maxSpare = checkCount('maxSpare', options.maxSpare ?? Math.min(min + 5, max))
  if (maxSpare < min || maxSpare > max) {
    throw new OptionError(`maxSpare: expected a number from min to max, ${min} to ${max}, not ${maxSpare}`)
  }
  return { min, max, maxSpare }
}

/**
 * The sizes with another maximum. What was given for `maxSpare` is kept to as far as it goes.
 *
 * @throws OptionError when it is no whole number of at least 1, or less than `min`.
 */
export function sizesWithMax(
  { min, maxSpare }: Pick<PoolOptions, 'min' | 'maxSpare'>,
  max: number,
): Pick<CheckedPoolOptions, 'max' | 'maxSpare'> {
  const checked = checkSizes({ min, max })
  if (maxSpare === undefined) return checked
  return { max, maxSpare: Math.min(maxSpare, max) }
}

function checkPipeline(value: number | undefined, protocol: PoolProtocol): number {
  const pipeline = checkCount('pipeline', value ?? 1, 1)
  if (protocol === 'process-pool' && pipeline > 1) {
    throw new OptionError('pipeline: workers of the protocol process-pool take one request at a time')
  }
  return pipeline
}

function checkBusyPoll(value: number | undefined): number {
  // With one CPU whoever looks keeps the other from answering.
  if (value === undefined) return usableCpus() > 1 ? BUSY_POLL_MS : 0
  if (typeof value === 'number' && value >= 0 && value <= MOST_BUSY_POLL_MS) return value
  throw new OptionError(`busyPollMs: expected milliseconds from 0 to ${MOST_BUSY_POLL_MS}, not ${String(value)}`)
}

function checkHealth(
  options: PoolOptions,
  protocol: PoolProtocol,
): Pick<CheckedPoolOptions, 'healthCheckMs' | 'healthTimeoutMs' | 'healthRequest'> {
  const healthCheckMs = checkDuration('healthCheckMs', options.healthCheckMs ?? 0)
  const { healthRequest } = options
  if (protocol !== 'frames' && healthCheckMs > 0 && healthRequest === undefined) {
    throw new OptionError(
      `healthRequest: the protocol ${protocol} has no message for health; give a request that does no harm`,
    )
  }
  if (healthRequest !== undefined && protocol === 'lines') encodeLine(healthRequest)
  if (healthRequest !== undefined && typeof healthRequest !== 'string' && !(healthRequest instanceof Uint8Array)) {
    throw new OptionError(`healthRequest: expected a string or bytes, not ${String(healthRequest)}`)
  }
  return {
    healthCheckMs,
    healthTimeoutMs: checkDuration('healthTimeoutMs', options.healthTimeoutMs ?? 5_000),
    healthRequest,
  }
}

function checkMemory(name: string, value: number | undefined): number {
  const bytes = checkCount(name, value ?? 0)
  if (bytes > 0 && process.platform !== 'linux') {
    throw new OptionError(`${name}: the memory of other processes can only be read on Linux`)
  }
  return bytes
}

function checkInterval(value: number): number {
  const interval = checkDuration('checkIntervalMs', value)
  if (interval < 10) throw new OptionError(`checkIntervalMs: expected at least 10 milliseconds, not ${interval}`)
  return interval
}

function checkMessageBytes(value: number): number {
  const bytes = checkCount('maxMessageBytes', value, COUNTED_HEADER_BYTES)
  if (bytes > MOST_MESSAGE_BYTES) {
    throw new OptionError(`maxMessageBytes: expected at most ${MOST_MESSAGE_BYTES} (1 GiB), not ${bytes}`)
  }
  return bytes
}

/** What workers run, as it was asked for: of a module, its URL. */
export function programCommand(
  program: WorkerProgram,
  args: readonly Text[] | undefined,
): Pick<Task, 'command' | 'args'> {
  if (program instanceof URL) return { command: program.href, args: args ?? [] }
  return args === undefined ? { command: program } : { command: program, args }
}

function taskOf(program: WorkerProgram, args: readonly Text[] | undefined, options: PoolOptions): Task {
  const { cwd, env, execArgv } = options
  const rest = { ...(cwd === undefined ? {} : { cwd }), ...(env === undefined ? {} : { env }) }
  if (program instanceof URL) {
    if (program.protocol !== 'file:') {
      throw new OptionError(
        `a worker module has to be a file: URL, not ${program.href}; new URL('./worker.js', import.meta.url) is one`,
      )
    }
    const words = [...(execArgv ?? []), moduleMain(), program.href, ...(args ?? [])]
    return checkedTask({ command: process.execPath, args: words, ...rest })
  }
  if (execArgv !== undefined)
    throw new OptionError('execArgv: only for a worker that is a module; give a command its options')
  return checkedTask(args === undefined ? { command: program, ...rest } : { command: program, args, ...rest })
}

function moduleMain(): string {
  const places = MODULE_MAIN_PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url)))
  return places.find((place) => existsSync(place)) ?? places[0]!
}

const KNOWN: readonly (keyof PoolOptions)[] = [
  ...(['protocol', 'min', 'max', 'maxSpare', 'pipeline', 'busyPollMs', 'exhausted', 'maxQueue'] as const),
  ...(['timeoutMs', 'retries'] as const),
  ...(['maxRequests', 'maxAgeMs', 'maxIdleMs', 'recycleMemoryBytes', 'checkIntervalMs'] as const),
  ...LIMITS,
  ...SLOT_OPTIONS,
  ...(['healthCheckMs', 'healthTimeoutMs', 'healthRequest', 'startTimeoutMs', 'maxStartFailures'] as const),
  ...(['startBackoffMs', 'maxMessageBytes', 'maxOutputBytes', 'killGraceMs', 'encoding', 'cwd', 'env'] as const),
  ...(['execArgv', 'launcher', 'logger'] as const),
]
