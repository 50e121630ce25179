import type { Launcher, LauncherLock, LockOptions } from '../launcher/port.js'
import { JournalError, journalErrorOf } from './journal-error.js'
import { lockByFile } from './lock-file.js'
import { holderOf, isAlive, type JournalLock } from './lock-holder.js'

/** How long a drover that was killed may take to end what it ran, before its journal can be used again. */
const PATIENCE_MS = 15_000
/** Launchers that die one after the other, before it is taken for lasting. */
const MOST_TRIES = 10

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

/**
 * Takes the lock again after the launcher that held it has died. What is left of that launcher may hold it for a moment, while
 * it ends what ran; and the new one may die as well.
 *
 * @throws JournalError when another drover was faster.
 */
export async function lockJournalAgain(path: string, file: string, launcher: Launcher): Promise<JournalLock> {
  for (let tries = 1; ; tries++) {
    try {
      return await lockByKernel((options) => launcher.lock!(file, options), file, process.pid)
    } catch (error) {
      const { code } = error as { code?: string }
      if (code === 'ERR_DROVER_LAUNCHER_DIED' && tries < MOST_TRIES) continue
      if (code === 'ERR_DROVER_LOCKED' || (error as Error).name === 'TimeoutError') throw await inUse(path, file)
      throw journalErrorOf(path, 'locked again', error)
    }
  }
}

/**
 * Takes a lock of the kernel's. One whose holder is dead is about to be given back: that is waited for.
 *
 * @param own - a pid that is no other drover's; what it holds is about to be given back too.
 */
export async function lockByKernel(lock: Lock, file: string, own?: number): Promise<LauncherLock> {
  try {
    return await lock()
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_DROVER_LOCKED') throw error
    const holder = await holderOf(file)
    if (holder !== own && isAlive(holder)) throw error
    return lock({ wait: true, signal: AbortSignal.timeout(PATIENCE_MS) })
  }
}

async function inUse(path: string, file: string): Promise<JournalError> {
  const pid = await holderOf(file)
  const who = pid === null ? 'another drover' : `process ${pid}`
  return new JournalError(path, `is being written by ${who}; wait until that has ended, or name another file`)
}
