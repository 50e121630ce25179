import type { Launcher, LauncherLock, LockOptions } from '../launcher/port.js'
import { JournalError, journalErrorOf } from './journal-error.js'
import { lockByFile } from './lock-file.js'
import { holderOf, isAlive, type JournalLock } from './lock-holder.js'

/** How long a drover that was killed may take to end what it ran, before its journal can be used again. */
const PATIENCE_MS = 15_000

/**
 * Takes the lock of a journal: a lock of the kernel's on `<journal>.lock`, which the launcher holds until all that it runs
 * has ended, however drover ends. Where there is no such launcher, that file itself with a pid in it.
 *
 * @param path - for messages.
 * @param file - the lock file; under whatever names a journal is given, it has one.
 * @throws JournalError when another drover has it.
 */
export async function lockJournal(path: string, file: string, launcher: Launcher): Promise<JournalLock> {
  if (launcher.lock === undefined) return lockByFile(path, file)
  try {
    return await lockByKernel((options) => launcher.lock!(file, options), file)
  } catch (error) {
    const { code } = error as { code?: string }
    // A native launcher that turns out not to run here.
    if (code === 'ERR_DROVER_LAUNCHER' && launcher.lock === undefined) return lockByFile(path, file)
    if (code === 'ERR_DROVER_LOCKED' || (error as Error).name === 'TimeoutError') throw await inUse(path, file)
    throw journalErrorOf(path, 'locked', error)
  }
}

type Lock = (options?: LockOptions) => Promise<LauncherLock>

async function lockByKernel(lock: Lock, file: string): Promise<LauncherLock> {
  try {
    return await lock()
  } catch (error) {
    const isLocked = (error as { code?: string }).code === 'ERR_DROVER_LOCKED'
    if (!isLocked || isAlive(await holderOf(file))) throw error
    return lock({ wait: true, signal: AbortSignal.timeout(PATIENCE_MS) })
  }
}

async function inUse(path: string, file: string): Promise<JournalError> {
  const pid = await holderOf(file)
  const who = pid === null ? 'another drover' : `process ${pid}`
  return new JournalError(path, `is being written by ${who}; wait until that has ended, or name another file`)
}
