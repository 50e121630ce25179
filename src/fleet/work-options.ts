import type { DispatchOptions } from '../dispatch/dispatch-options.js'
import { checkCount, checkDuration, rejectUnknown } from '../process/process-options.js'
import { OptionError } from '../task/errors.js'
import type { Result } from '../task/result.js'
import type { Task } from '../task/task.js'
import type { BackendOptions } from './backend.js'
import { addressOf, type QueueChoice } from './open-queue.js'
import { checkTag } from './task-envelope.js'
import type { EnvelopeVerifier } from './trust.js'

/** Runs a task in this process, in place of starting a command. What it returns (JSON) is the result's `value`; what it throws fails it. */
export type TaskHandler = (task: Task, info: HandlerInfo) => unknown

/** What a handler is told besides the task. */
export interface HandlerInfo {
  /** The id of its run. */
  readonly run: string
  /** Its position in that, from 0. */
  readonly index: number
  /** Aborted when the task is to end: it was cancelled, or its lock is about to expire. */
  readonly signal: AbortSignal
}

/** The options of the dispatcher that a worker takes, for all its tasks. */
const DISPATCH = [
  'concurrency',
  'timeoutMs',
  'retries',
  'backoffMs',
  'delayMs',
  'killGraceMs',
  'pipeGraceMs',
  'maxOutputBytes',
  'leftovers',
  'launcher',
  'logger',
  'maxMemoryBytes',
  'maxProcesses',
  'maxCpuMs',
  'maxFileSizeBytes',
  'nice',
  'cpus',
  'slots',
  'jobserver',
  'jobserverForm',
  'maxLoad',
  'minFreeBytes',
  'maxPressure',
] as const satisfies readonly (keyof DispatchOptions)[]

export type WorkDispatchOptions = Pick<DispatchOptions, (typeof DISPATCH)[number]>

/** What a worker runs, and how. Only `queue` must be there. */
export interface WorkOptions extends WorkDispatchOptions, BackendOptions {
  /** Where the tasks come from. */
  readonly queue: QueueChoice
  /** What others see of it in `drover status`. Default: the host's name and the process's id. */
  readonly name?: string | undefined
  /**
   * The name of slots, as the dispatcher has them. Where it begins with the queue's and a slash, as in `drover/licences`, they are kept on the
   * server for all machines together: each task here needs one of those that are the limit of the tag `licences`.
   */
  readonly slots?: string | undefined
  /** Looks at each task before it is run. Default: all are run. */
  readonly verifier?: EnvelopeVerifier | undefined
  /** The programs that may be run. Default: all. */
  readonly allow?: readonly string[] | undefined
  /** Variables of this process's environment that tasks get, with `*` for any letters. Default: none. */
  readonly passEnv?: readonly string[] | undefined
  /** Bytes of each stream that a result keeps: it is kept in the queue's memory. Default: 16 KiB. */
  readonly maxOutputBytes?: number | undefined
  /** The folder for the whole output of tasks that print more; null for nowhere. Default: `drover/outputs` in the user's state folder. */
  readonly outputs?: string | null | undefined
  /** Milliseconds for which files in it are kept. Default: 7 days. */
  readonly keepOutputsMs?: number | undefined
  /** Milliseconds for which results are kept in the queue after the task's end. Default: 7 days. */
  readonly keepResultsMs?: number | undefined
  /** Milliseconds that a lock lasts: so long after a worker's death its tasks are run elsewhere. At least 1,000. Default: 30,000. */
  readonly lockMs?: number | undefined
  /** How often a task may lose its worker before it is given up, as `lost`. Default: 10. */
  readonly maxLost?: number | undefined
  /** Runs tasks in this process. Default: their commands are started. */
  readonly handler?: TaskHandler | undefined
  /** Called with each result that the server has taken, or that was handed to it. */
  readonly onResult?: ((result: Result) => void) | undefined
  /** Told what people should know. Default: nobody is. */
  readonly onWarning?: ((message: string) => void) | undefined
}

export interface CheckedWorkOptions extends Omit<WorkOptions, keyof WorkDispatchOptions | 'handler'>, BackendOptions {
  readonly dispatch: WorkDispatchOptions
  readonly maxOutputBytes: number
  readonly keepOutputsMs: number
  readonly keepResultsMs: number
  readonly lockMs: number
  readonly maxLost: number
  readonly passEnv: readonly string[]
  readonly handler: TaskHandler | null
  /** The tag whose limits hold for all tasks here; null for none. */
  readonly sharedTag: string | null
}

const DAY_MS = 24 * 3_600_000
const OWN = [
  'queue',
  'name',
  'verifier',
  'allow',
  'passEnv',
  'outputs',
  'keepOutputsMs',
  'keepResultsMs',
  'lockMs',
  'maxLost',
  'handler',
  'onResult',
  'onWarning',
  'telemetry',
]

/** @throws OptionError that names the option and what was expected. */
export function checkWorkOptions(options: WorkOptions): CheckedWorkOptions {
  rejectUnknown('work()', options, [...OWN, ...DISPATCH])
  const lockMs = checkDuration('lockMs', options.lockMs ?? 30_000)
  if (lockMs < 1_000) throw new OptionError(`lockMs: expected at least 1,000, not ${lockMs}`)
  if (options.name !== undefined && !/^[\w.:/@-]{1,60}$/.test(options.name))
    throw new OptionError(`name: expected up to 60 letters, digits and ._:/@-, not ${JSON.stringify(options.name)}`)
  const given = DISPATCH.filter((name) => options[name] !== undefined).map((name) => [name, options[name]])
  if (options.handler !== undefined && options.allow !== undefined)
    throw new OptionError('allow: is about programs, and with a handler none is started; leave one of them out')
  const { queue } = addressOf(options.queue)
  const sharedTag =
    options.slots?.startsWith(`${queue}/`) === true ? checkTag(options.slots.slice(queue.length + 1)) : null
  const maxOutputBytes = options.maxOutputBytes ?? 16 * 1024
  return {
    ...options,
    dispatch: { ...Object.fromEntries(given), maxOutputBytes, ...(sharedTag !== null && { slots: undefined }) },
    sharedTag,
    maxOutputBytes,
    keepOutputsMs: checkDuration('keepOutputsMs', options.keepOutputsMs ?? 7 * DAY_MS),
    keepResultsMs: checkDuration('keepResultsMs', options.keepResultsMs ?? 7 * DAY_MS),
    lockMs,
    maxLost: checkCount('maxLost', options.maxLost ?? 10),
    passEnv: options.passEnv ?? [],
    handler: options.handler ?? null,
  }
}
