import type { Launcher, LauncherLock } from '../launcher/port.js'
import { onAbort } from '../process/on-abort.js'
import type { DroverError } from '../task/errors.js'
import { lockDaemon } from './daemon-lock.js'
import { type CheckedDaemon, checkDaemon, type DaemonOptions } from './daemon-options.js'
import { type DaemonCounts, type DaemonEnd, DaemonRounds } from './daemon-rounds.js'
import { watchDaemonSignals } from './daemon-signals.js'
import { daemonSocket } from './each-control.js'
import type { ItemModule, ItemOf, ValueOf } from './item-module.js'
import { PidFile } from './pid-file.js'
import { ServiceManager } from './service-manager.js'

/** What became of a daemon. */
export interface DaemonSummary extends Readonly<DaemonCounts> {
  /** What ended it: `stop()`, the AbortSignal, a signal; or that another had the lock, with `ifLocked: 'exit'`. */
  readonly endedBy: DaemonEnd | 'locked'
}

/**
 * Has the items of a queue handled in worker processes, as `forEach()` does, round after round, until it is told to end.
 *
 * Like there, the processes import the module by themselves: unlike with a fork, nothing of this process's memory is inherited.
 *
 * @typeParam Module - `typeof import('./user.js')`: the types of items and values are then those of its `handle`.
 * @returns counts over all rounds, when it was ended by `stop()`, the AbortSignal or a signal and no process is left. It does not
 * end this process.
 * @throws (as a rejection) OptionError; DroverError `ERR_DROVER_LOCKED` when another has the lock, `ERR_DROVER_UNSUPPORTED` where
 * there are no locks, `ERR_DROVER_LAUNCHER_DIED` when it lost it, `ERR_DROVER_NOTIFY` when the service manager cannot be told, the
 * system's code when `pidFile` cannot be written;
 * without `onError`, what ended a round; what `stop`, `onRound` or `onError` threw.
 *
 * @example
 * await daemon({ queue: () => users(), handler: new URL('./user.js', import.meta.url), intervalMs: 60_000, lock: '/run/users.lock' })
 */
export function daemon<Item>(options: DaemonOptions<Item>): Promise<DaemonSummary>
export function daemon<Module extends ItemModule>(
  options: DaemonOptions<ItemOf<Module>, ValueOf<Module>>,
): Promise<DaemonSummary>
export async function daemon<Item, Value>(options: DaemonOptions<Item, Value>): Promise<DaemonSummary> {
  const checked = checkDaemon(options)
  const { launcher } = checked.forEach
  const manager = new ServiceManager(launcher, checked.systemd ? process.env : {})
  const rounds = new DaemonRounds(checked, manager)
  const lock = await lockFor(checked, launcher)
  if (lock === 'taken') return { ...rounds.counts, endedBy: 'locked' }
  const socket = checked.forEach.control ? daemonSocket(rounds as DaemonRounds<unknown, unknown>) : null
  let pidFile: PidFile | null = null
  let unwatch: (() => void) | null = null
  let forgetLost: (() => void) | null = null
  try {
    if (checked.pidFile !== null) pidFile = await PidFile.write(checked.pidFile)
    if (checked.signals) unwatch = watchDaemonSignals(rounds)
    if (lock !== null) forgetLost = whenLost(lock, (reason) => rounds.fail(reason))
    socket?.open()
    await manager.begin()
    const endedBy = await rounds.run()
    return { ...rounds.counts, endedBy }
  } finally {
    await socket?.close()
    forgetLost?.()
    manager.end()
    await pidFile?.remove()
    await lock?.release()
    unwatch?.()
  }
}

async function lockFor(
  { lock, ifLocked }: Pick<CheckedDaemon, 'lock' | 'ifLocked'>,
  launcher: Launcher,
): Promise<LauncherLock | 'taken' | null> {
  if (lock === null) return null
  try {
    return await lockDaemon(lock, launcher)
  } catch (error) {
    if (ifLocked === 'exit' && (error as DroverError).code === 'ERR_DROVER_LOCKED') return 'taken'
    throw error
  }
}

function whenLost({ lost }: LauncherLock, tell: (reason: unknown) => void): () => void {
  if (!lost.aborted) return onAbort(lost, () => tell(lost.reason))
  tell(lost.reason)
  return () => {}
}
