import { resolve } from 'node:path'
import { checkDuration, checkOneOf, rejectUnknown } from '../process/process-options.js'
import { OptionError } from '../task/errors.js'
import {
  type CheckedForEach,
  checkForEach,
  checkHook,
  FOR_EACH_OPTIONS,
  type ForEachOptions,
} from './for-each-options.js'
import type { ForEachSummary } from './item-result.js'
import type { Items } from './items.js'

/** One round of a daemon, when it is over. */
export interface DaemonRound extends ForEachSummary {
  /** From 1. */
  readonly round: number
  /** ISO 8601 in UTC. */
  readonly startedAt: string
  /** Rounds before this one whose time passed while another was going on; they are not made up for. */
  readonly missed: number
  /** What ended the round before its end, when something did; only seen with `onError`, else it ends the daemon. */
  readonly error: unknown
}

/** What `daemon()` does. Besides what is here, it takes what `forEach()` does; `control` is true unless it is said otherwise. */
export interface DaemonOptions<Item = unknown, Value = unknown> extends ForEachOptions<Item, Value> {
  /** Gives the items of each round anew, as for `forEach()`; nothing, or an empty one, when there is nothing to do. */
  readonly queue: () => Items<Item> | null | undefined | PromiseLike<Items<Item> | null | undefined>
  /** The module whose functions handle them, as `new URL('./user.js', import.meta.url)`. */
  readonly handler: URL
  /**
   * Milliseconds from the beginning of one round to that of the next, by the monotonic clock, without drift. A round that takes
   * longer is followed by the next one at its next regular time. 0: the next follows at once.
   */
  readonly intervalMs: number
  /** Asked after each round whether the daemon is to end. */
  readonly stop?: ((round: DaemonRound) => boolean | PromiseLike<boolean>) | undefined
  /** Whether processes stay from one round to the next; else they exit at the end of each round. Default: false. */
  readonly keepWorkers?: boolean | undefined
  /**
   * A file that this daemon locks as long as it runs, so that there is one at a time, whoever starts it. The lock is the kernel's:
   * it is free when the daemon has ended, however that came. The file is created when it is not there, and not removed.
   */
  readonly lock?: string | undefined
  /** When another has the lock: reject with `ERR_DROVER_LOCKED`, or resolve at once without having done anything. Default: `reject`. */
  readonly ifLocked?: 'reject' | 'exit' | undefined
  /** A file that the pid is written to, for others to read, and that is removed at the end. It keeps nobody out; see {@link lock}. */
  readonly pidFile?: string | undefined
  /**
   * Whether TERM and INT drain it (no more items are pulled, what is being handled is finished; a second one ends that too, a third
   * one at once), and HUP reloads it. Listeners are there only while it runs. Default: true.
   */
  readonly signals?: boolean | undefined
  /** Whether the service manager is told how it stands, where `NOTIFY_SOCKET` names its socket. Default: true. */
  readonly systemd?: boolean | undefined
  /** Called on HUP, between two rounds; processes that were kept are replaced, and a round begins at once. */
  readonly reload?: (() => unknown) | undefined
  /** Called, and awaited, after each round. */
  readonly onRound?: ((round: DaemonRound) => unknown) | undefined
  /**
   * Called, and awaited, when a round could not be done to its end: `queue` or its items threw, no process could be started, a
   * hook, `onResult` or `reload` threw. The daemon then goes on with the next round, unless this throws. Without it, the daemon ends
   * and rejects with the error.
   */
  readonly onError?: ((error: unknown) => unknown) | undefined
}

export interface CheckedDaemon<Item = unknown, Value = unknown> {
  readonly forEach: CheckedForEach<Item, Value>
  readonly queue: DaemonOptions<Item, Value>['queue']
  readonly intervalMs: number
  readonly stop: DaemonOptions['stop']
  readonly keepWorkers: boolean
  /** Absolute. */
  readonly lock: string | null
  readonly ifLocked: 'reject' | 'exit'
  readonly pidFile: string | null
  readonly signals: boolean
  readonly systemd: boolean
  readonly reload: DaemonOptions['reload']
  readonly onRound: DaemonOptions['onRound']
  readonly onError: DaemonOptions['onError']
}

const OWN_OPTIONS = [
  ...(['queue', 'handler', 'intervalMs', 'stop', 'keepWorkers', 'lock', 'ifLocked', 'pidFile'] as const),
  ...(['signals', 'systemd', 'reload', 'onRound', 'onError'] as const),
]

/** It is the daemon that the service manager watches, and nobody else speaks for it. */
const NOT_INHERITED = { NOTIFY_SOCKET: null, WATCHDOG_USEC: null, WATCHDOG_PID: null }

/** @throws OptionError that names the option and what was expected, InputError for `cwd` and `env`. */
export function checkDaemon<Item, Value>(options: DaemonOptions<Item, Value>): CheckedDaemon<Item, Value> {
  rejectUnknown('daemon()', options, [...OWN_OPTIONS, ...FOR_EACH_OPTIONS])
  const { handler, queue } = options
  if (typeof queue !== 'function') {
    throw new OptionError(`queue: expected a function that gives the items of each round, not ${String(queue)}`)
  }
  const own: readonly string[] = OWN_OPTIONS
  const rest = Object.fromEntries(Object.entries(options).filter(([name]) => !own.includes(name)))
  const forEach = checkForEach<Item, Value>(handler, {
    control: true,
    ...rest,
    env: { ...NOT_INHERITED, ...options.env },
  })
  const lock = checkPath('lock', options.lock)
  const pidFile = checkPath('pidFile', options.pidFile)
  if (lock !== null && lock === pidFile) {
    throw new OptionError('pidFile: expected another file than lock; the lock file holds the pid by itself')
  }
  return {
    forEach,
    queue,
    intervalMs: checkDuration('intervalMs', options.intervalMs),
    stop: checkHook('stop', options.stop),
    keepWorkers: options.keepWorkers ?? false,
    lock,
    ifLocked: checkOneOf('ifLocked', options.ifLocked ?? 'reject', ['reject', 'exit']),
    pidFile,
    signals: options.signals ?? true,
    systemd: options.systemd ?? true,
    reload: checkHook('reload', options.reload),
    onRound: checkHook('onRound', options.onRound),
    onError: checkHook('onError', options.onError),
  }
}

function checkPath(name: string, path: unknown): string | null {
  if (path === undefined) return null
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) return resolve(path)
  throw new OptionError(`${name}: expected the path of a file, not ${JSON.stringify(path)}`)
}
