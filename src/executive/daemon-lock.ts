import { lockByKernel } from '../journal/journal-lock.js'
import type { Launcher, LauncherLock } from '../launcher/port.js'
import { DroverError } from '../task/errors.js'

/**
 * Takes the lock that keeps a daemon the only one. The launcher holds it, so that it is free when nothing is left of the daemon
 * and its processes, and not before.
 *
 * @throws DroverError `ERR_DROVER_LOCKED` when another has it, `ERR_DROVER_UNSUPPORTED` where there are no such locks; else the
 * system's code.
 */
export async function lockDaemon(path: string, launcher: Launcher): Promise<LauncherLock> {
  const unsupported = () =>
    new DroverError(
      'ERR_DROVER_UNSUPPORTED',
      `lock: ${path} cannot be locked, since only the native launcher has locks and it is not used here (drover doctor says why)`,
    )
  if (launcher.lock === undefined) throw unsupported()
  try {
    return await lockByKernel((options) => launcher.lock!(path, options), path)
  } catch (error) {
    // A native launcher that turns out not to run here.
    if (launcher.lock === undefined) throw unsupported()
    if ((error as Error).name !== 'TimeoutError') throw error
    throw new DroverError('ERR_DROVER_LOCKED', `${path} is still locked by what a daemon that is gone had started`)
  }
}
