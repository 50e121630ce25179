import type { Launcher } from '../launcher/port.js'
import type { Log } from '../observe/logger.js'
import { checkPoolOptions } from '../pool/check-pool-options.js'
import type { PoolOptions } from '../pool/pool-options.js'
import { LIMITS } from '../process/limits.js'
import { checkCount, checkDuration, checkOneOf, checkSignal, rejectUnknown } from '../process/process-options.js'
import { SLOT_OPTIONS } from '../slots/slot-sources.js'
import { usableCpus } from '../slots/usable-cpus.js'
import { OptionError } from '../task/errors.js'
import type { ItemResult } from './item-result.js'

/** Options of the pool that are handed on as they are. */
const POOL_OPTIONS = [
  ...(['timeoutMs', 'maxRequests', 'maxAgeMs', 'maxIdleMs', 'recycleMemoryBytes'] as const),
  ...(['checkIntervalMs', 'startTimeoutMs', 'maxStartFailures', 'startBackoffMs', 'maxMessageBytes'] as const),
  ...(['maxOutputBytes', 'killGraceMs', 'cwd', 'env', 'execArgv', 'launcher', 'logger'] as const),
  ...LIMITS,
  ...SLOT_OPTIONS,
]

type HandedOn = Pick<PoolOptions, (typeof POOL_OPTIONS)[number]>

/** All of it is optional. */
export interface ForEachOptions<Item = unknown, Value = unknown> extends HandedOn {
  /**
   * How many processes there are at the most, each with one item at a time. A function is asked whenever there may be room for
   * another item. Default: the CPUs that this process may really use.
   */
  readonly concurrency?: number | (() => number) | undefined
  /**
   * Whether results come in the order of the items; else as they are done. Results that wait for an earlier one are kept, 16 for
   * each process; then no more is pulled until it is there. Default: false.
   */
  readonly keepOrder?: boolean | undefined
  /** How often an item that did not succeed is tried again, by whatever process. Default: 0. */
  readonly retries?: number | undefined
  /** Milliseconds before the second attempt at the most; doubles with each further one, with full jitter. Default: 1,000. */
  readonly backoffMs?: number | undefined
  /** Ends the run when it is aborted: what is being handled becomes `cancelled`, what was pulled and not begun `skipped`. */
  readonly signal?: AbortSignal | undefined
  /**
   * What becomes of what the processes print. `keep`: it is in the results (what belongs to no item is dropped). `inherit`: it
   * goes to this process's stdout and stderr as well, whole lines, as they come. Default: `keep`.
   */
  readonly output?: 'keep' | 'inherit' | undefined
  /**
   * Called, and awaited, when the first item is there and before the first process is started: the place to give up what the
   * processes need themselves, as connections to a database that allows only so many. Not called when there is no item.
   */
  readonly release?: (() => unknown) | undefined
  /** Called, and awaited, after {@link release} when all items are done and the last process has ended, however that came. */
  readonly reacquire?: (() => unknown) | undefined
  /**
   * Whether this user can see and steer it from elsewhere while it goes on, as with `drover ps`. It is opened when it has gone on for a
   * tenth of a second. Default: false; true for `daemon()`.
   */
  readonly control?: boolean | undefined
  /** Called, and awaited, with each result before anyone else hears of it; a rejection ends the run. */
  readonly onResult?: ((result: ItemResult<Item, Value>) => unknown) | undefined
}

export interface CheckedForEach<Item = unknown, Value = unknown> {
  readonly handler: URL
  readonly pool: HandedOn
  readonly concurrency: number | (() => number)
  readonly keepOrder: boolean
  readonly attempts: number
  readonly backoffMs: number
  readonly maxOutputBytes: number
  readonly launcher: Launcher
  readonly log: Log | null
  /** Whether it is a round of a daemon, which tells of its end by itself. */
  readonly isRound: boolean
  readonly signal: AbortSignal | undefined
  readonly output: 'keep' | 'inherit'
  readonly control: boolean
  readonly release: (() => unknown) | undefined
  readonly reacquire: (() => unknown) | undefined
  readonly onResult: ((result: ItemResult<Item, Value>) => unknown) | undefined
}

export const FOR_EACH_OPTIONS: readonly (keyof ForEachOptions)[] = [
  ...POOL_OPTIONS,
  ...(['concurrency', 'keepOrder', 'retries', 'backoffMs', 'signal', 'output', 'control'] as const),
  ...(['release', 'reacquire', 'onResult'] as const),
]

/** @throws OptionError that names the option and what was expected, InputError for `cwd` and `env`. */
export function checkForEach<Item, Value>(
  handler: URL,
  options: ForEachOptions<Item, Value>,
): CheckedForEach<Item, Value> {
  rejectUnknown('forEach()', options, FOR_EACH_OPTIONS)
  if (!(handler instanceof URL)) {
    throw new OptionError(
      `handler: expected the URL of a module, as new URL('./user.js', import.meta.url), not ${String(handler)}`,
    )
  }
  checkSignal(options.signal)
  const pool: HandedOn = Object.fromEntries(
    POOL_OPTIONS.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  )
  const { maxOutputBytes, launcher, log } = checkPoolOptions(handler, undefined, pool)
  const { concurrency = usableCpus() } = options
  return {
    handler,
    pool,
    concurrency: typeof concurrency === 'function' ? concurrency : checkCount('concurrency', concurrency, 1),
    keepOrder: options.keepOrder ?? false,
    attempts: checkCount('retries', options.retries ?? 0) + 1,
    backoffMs: checkDuration('backoffMs', options.backoffMs ?? 1_000),
    maxOutputBytes,
    launcher,
    log,
    isRound: false,
    signal: options.signal,
    output: checkOneOf('output', options.output ?? 'keep', ['keep', 'inherit']),
    control: options.control === true,
    release: checkHook('release', options.release),
    reacquire: checkHook('reacquire', options.reacquire),
    onResult: checkHook('onResult', options.onResult),
  }
}

/** @throws OptionError unless it is a function or nothing. */
export function checkHook<Hook>(name: string, hook: Hook): Hook {
  if (hook === undefined || typeof hook === 'function') return hook
  throw new OptionError(`${name}: expected a function, not ${String(hook)}`)
}
