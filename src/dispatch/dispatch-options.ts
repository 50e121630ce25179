import type { Launcher, OutputStream } from '../launcher/port.js'
import type { HostsOptions } from '../launcher/ssh/hosts-options.js'
import { noticeOpenTelemetry } from '../observe/opentelemetry/automatic.js'
import type { ProcessPool } from '../pool/process-pool.js'
import {
  type CheckedSettings,
  checkCount,
  checkDuration,
  checkOneOf,
  checkSettings,
  checkSignal,
  DISPATCH_OPTIONS,
  type ExecutionSettings,
  rejectUnknown,
} from '../process/process-options.js'
import { jobserverJobs } from '../slots/jobserver/jobserver-source.js'
import type { SlotSourceMaker } from '../slots/slot-source.js'
import { type SlotOptions, slotSourcesOf } from '../slots/slot-sources.js'
import { usableCpus } from '../slots/usable-cpus.js'
import { OptionError } from '../task/errors.js'
import type { Attempt, Result } from '../task/result.js'
import type { Task } from '../task/task.js'
import { uniqueId } from '../task/unique-id.js'
import { startingOptions } from './check-hosts.js'
import { type HaltRule, parseHalt } from './halt.js'
import type { ResultJournal } from './result-journal.js'
import type { TaskRunner } from './task-runner.js'

/** A piece of a running task's output. */
export interface TaskOutput {
  /** Whose it is. */
  readonly task: Task
  /** Position of the task, from 0. */
  readonly index: number
  /** Which try it comes from, from 1. */
  readonly attempt: number
  /** `stdout` or `stderr`. */
  readonly stream: OutputStream
  /** The bytes, cut anywhere; not to be changed. */
  readonly chunk: Buffer
}

/** What is known about a task at the moment it starts. */
export interface StartInfo {
  /** Position of the task, from 0. */
  readonly index: number
  /** Which try it is, from 1. */
  readonly attempt: number
  /** The lowest number, from 1, that no other running task has. */
  readonly slot: number
}

/** Names the files for the output of a task; both may be the same one. Their directory must be there. */
export type OutputFiles = (task: Task, info: { readonly index: number }) => Readonly<Record<OutputStream, string>>

/** How tasks are run, many of them. All of it is optional. */
export interface DispatchOptions extends ExecutionSettings, SlotOptions {
  /** Slots: how many tasks run at once, by weight. Infinity is no limit. Default: the CPUs this process may use. */
  readonly concurrency?: number
  /** How often a task that did not succeed is tried again. Default: 0. */
  readonly retries?: number
  /** Milliseconds before the second attempt at the most; doubles with each further one, with full jitter. Default: 1,000. */
  readonly backoffMs?: number
  /** Milliseconds between two starts at the least. Default: 0. */
  readonly delayMs?: number
  /** Milliseconds after which the whole run is ended; 0 is never. Default: 0. */
  readonly totalTimeoutMs?: number
  /** When to end before all tasks are done, in GNU parallel's words. Default: `never`. */
  readonly halt?: string
  /** Ends the run when it is aborted: what runs is `cancelled`, what waits is `skipped`. */
  readonly signal?: AbortSignal | undefined
  /** Whether results carry a content key, at 24 bytes of memory a task. Default: false. */
  readonly keys?: boolean
  /** What a task reads that has no standard input of its own: nothing, or this process's. Default: `null`. */
  readonly input?: 'null' | 'inherit'
  /**
   * What becomes of the output: passed through pipes and kept; handed to this process's own stdout and stderr; dropped; or
   * written straight to files that a function names, each attempt anew. Default: `pipe`.
   */
  readonly output?: 'pipe' | 'inherit' | 'null' | OutputFiles
  /**
   * Where each final result is written before anyone hears of it, `onResult` included; tasks that `dispatch()` finds done there
   * are not run again and give no result. Implies `keys`. It is not closed by the run.
   */
  readonly journal?: ResultJournal | undefined
  /** Called with each final result before anyone else hears of it; a rejection ends the run. */
  readonly onResult?:
    | ((result: Result, progress: { completed: number; total: number | null }) => void | Promise<void>)
    | undefined
  /** Called with each attempt that is to be followed by another; a rejection ends the run. */
  readonly onAttempt?: ((attempt: Attempt) => void | Promise<void>) | undefined
  /** Called with each piece of output; while its promise is pending that stream of that task is not read. */
  readonly onOutput?: ((output: TaskOutput) => void | Promise<void>) | undefined
  /** Gives the task as it is to be started; the last moment to fill in what is only known now. */
  readonly beforeStart?: ((task: Task, info: StartInfo) => Task) | undefined
  /**
   * Sends the tasks to the workers of this pool, in place of starting commands: what is sent is the task's `stdin`, and a string in
   * place of a task is a message. A result then has a `value`. The pool is not closed by the run. `concurrency` is then how many
   * messages are with the pool at once, and should be its `max` times its `pipeline`.
   */
  readonly pool?: ProcessPool | ProcessPool<Buffer> | undefined
  /**
   * Runs the tasks on these machines, through ssh: `a,user@b:4`, see {@link HostsOptions}. Slots are then those of the hosts, and `concurrency`
   * is how many run at once on all together. Default: they run here.
   */
  readonly hosts?: string | readonly string[] | HostsOptions | undefined
  /** Gives what is sent to a worker for a task, with `pool`. Default: its `stdin`. */
  readonly messageOf?: ((task: Task) => unknown) | undefined
  /**
   * Has the tasks run somewhere else, in place of starting commands here. Retries and timeouts are then that side's, and `concurrency`
   * is how many tasks are with it at once. Implies `keys`.
   */
  readonly runner?: TaskRunner | undefined
  /** Told what people should know of a run that goes on all the same. Default: nobody is. */
  readonly onWarning?: ((message: string) => void) | undefined
  /**
   * Whether this user can see and steer the run from elsewhere while it goes on, as with `drover ps`, through a socket that nobody
   * else can use. It is opened when the run has gone on for a tenth of a second. Default: false.
   */
  readonly control?: boolean | ControlHooks | undefined
  /** The run's id: letters, digits and `-`. Default: made up. */
  readonly run?: string
}

/** What is different about a run when it is steered from elsewhere. All of it is optional. */
export interface ControlHooks {
  /** What it is called: `run`, `pool`. Default: `run`. */
  readonly kind?: string | undefined
  /** Called to end the run. Default: it is halted, and what runs is ended. */
  readonly cancel?: (() => void) | undefined
  /** How many jobs there are at once, where that is not the run's `concurrency`. */
  readonly jobs?: { get(): number; set(jobs: number): void } | undefined
  /** Told why the run cannot be seen, when there can be no socket. Default: `onWarning` is. */
  readonly onUnseen?: ((message: string) => void) | undefined
  /** Told in words what somebody has done to the run. */
  readonly onSteered?: ((what: string) => void) | undefined
}

export interface CheckedDispatchOptions extends CheckedSettings {
  /** Holds what is shared with other runs of this machine, wherever tasks run. */
  readonly localLauncher: Launcher
  /** Null when it cannot be steered from elsewhere. */
  readonly control: ControlHooks | null
  readonly concurrency: number
  readonly retries: number
  readonly backoffMs: number
  readonly delayMs: number
  readonly totalTimeoutMs: number
  readonly halt: HaltRule | null
  readonly haltWords: string
  readonly signal: AbortSignal | undefined
  readonly keys: boolean
  readonly input: 'null' | 'inherit'
  readonly output: 'pipe' | 'inherit' | 'null' | OutputFiles
  readonly run: string
  /** Tells the processes of this run from those of every other, whatever its id. */
  readonly scope: string
  readonly journal: ResultJournal | undefined
  readonly onResult: DispatchOptions['onResult']
  readonly onAttempt: DispatchOptions['onAttempt']
  readonly onOutput: DispatchOptions['onOutput']
  readonly beforeStart: DispatchOptions['beforeStart']
  readonly pool: DispatchOptions['pool']
  readonly messageOf: DispatchOptions['messageOf']
  readonly runner: TaskRunner | undefined
  readonly onWarning: DispatchOptions['onWarning']
  /** Whether tasks may be sent to other machines ahead of their turn, to begin there as soon as another has ended. */
  readonly sendsAhead: boolean
  /** What has to agree to each start. */
  readonly slotSources: readonly SlotSourceMaker[]
}

/** @throws OptionError that names the option and what was expected. */
export function checkDispatchOptions(options: DispatchOptions): CheckedDispatchOptions {
  rejectUnknown('dispatch() and Dispatcher', options, DISPATCH_OPTIONS)
  checkSignal(options.signal)
  noticeOpenTelemetry()
  const haltWords = options.halt ?? 'never'
  const run = options.run ?? uniqueId()
  if (!/^[\w-]+$/.test(run)) throw new OptionError(`run: expected letters, digits, _ and -, not ${JSON.stringify(run)}`)
  const { launcher, localLauncher, hostSources } = startingOptions(options)
  const isElsewhere = hostSources.length > 0
  const jobs = () =>
    isElsewhere ? Number.POSITIVE_INFINITY : (jobserverJobs(options.jobserver ?? 'off') ?? usableCpus())
  const halt = parseHalt(haltWords)
  return {
    ...checkSettings({ ...options, launcher }),
    localLauncher,
    concurrency: checkConcurrency(options.concurrency ?? jobs()),
    retries: checkCount('retries', options.retries ?? 0),
    backoffMs: checkDuration('backoffMs', options.backoffMs ?? 1_000),
    delayMs: checkDuration('delayMs', options.delayMs ?? 0),
    totalTimeoutMs: checkDuration('totalTimeoutMs', options.totalTimeoutMs ?? 0),
    halt,
    haltWords,
    signal: options.signal,
    keys: options.journal !== undefined || options.runner !== undefined || (options.keys ?? false),
    input: checkOneOf('input', options.input ?? 'null', ['null', 'inherit']),
    output: checkOutput(options.output ?? 'pipe'),
    control: checkControl(options.control),
    run,
    scope: `${run}-${uniqueId()}`,
    journal: checkJournal(options.journal),
    onResult: options.onResult,
    onAttempt: options.onAttempt,
    onOutput: options.onOutput,
    beforeStart: options.beforeStart,
    ...checkPool(options),
    runner: checkRunner(options),
    onWarning: options.onWarning,
    sendsAhead: isElsewhere && canSendAhead(options, halt),
    slotSources: [...slotSourcesOf(isElsewhere ? { ...options, jobserver: undefined } : options), ...hostSources],
  }
}

/** Not where each start depends on what only this side knows: the time, the slot, or whether anything at all is to be started still. */
function canSendAhead({ delayMs = 0, beforeStart, leftovers }: DispatchOptions, halt: HaltRule | null): boolean {
  return delayMs === 0 && beforeStart === undefined && leftovers !== 'wait' && (halt === null || halt.what === 'fail')
}

function checkControl(control: DispatchOptions['control']): ControlHooks | null {
  if (control === undefined || control === false) return null
  if (control === true) return {}
  if (typeof control === 'object' && control !== null) return control
  throw new OptionError(`control: expected true, false or an object, not ${String(control)}`)
}

/** What says how commands are started, and has no meaning for a message. */
const COMMAND_OPTIONS = [
  'input',
  'output',
  'onOutput',
  'leftovers',
  'pipeGraceMs',
  'killGraceMs',
  'maxOutputBytes',
] as const

function checkPool(options: DispatchOptions): Pick<CheckedDispatchOptions, 'pool' | 'messageOf'> {
  const { pool, messageOf } = options
  if (pool === undefined) {
    if (messageOf !== undefined) throw new OptionError('messageOf: only with pool; say which pool the messages go to')
    return { pool, messageOf }
  }
  if (typeof (pool as Partial<ProcessPool> | null)?.request !== 'function')
    throw new OptionError(`pool: expected a ProcessPool, not ${String(pool)}`)
  const needless = COMMAND_OPTIONS.find((name) => options[name] !== undefined)
  if (needless !== undefined)
    throw new OptionError(
      `${needless}: the workers of a pool are started by it, so give this to the pool, if it has it`,
    )
  return { pool, messageOf }
}

function checkRunner({ runner, pool }: DispatchOptions): TaskRunner | undefined {
  if (runner === undefined) return undefined
  if (pool !== undefined) throw new OptionError('runner: tasks go either there or to a pool; leave one of them out')
  if (typeof (runner as Partial<TaskRunner> | null)?.run === 'function') return runner
  throw new OptionError(`runner: expected an object with a function run, not ${String(runner)}`)
}

function checkOutput(output: NonNullable<DispatchOptions['output']>): NonNullable<DispatchOptions['output']> {
  return typeof output === 'function' ? output : checkOneOf('output', output, ['pipe', 'inherit', 'null'] as const)
}

function checkJournal(journal: ResultJournal | undefined): ResultJournal | undefined {
  if (journal === undefined || typeof (journal as Partial<ResultJournal> | null)?.commit === 'function') return journal
  throw new OptionError(`journal: expected what Journal.open() resolves to, not ${String(journal)}`)
}

/** @throws OptionError unless it is a whole number of at least 1, or Infinity. */
export function checkConcurrency(value: number): number {
  return value === Number.POSITIVE_INFINITY ? value : checkCount('concurrency', value, 1)
}
