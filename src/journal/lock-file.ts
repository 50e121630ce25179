import { open, unlink } from 'node:fs/promises'
import { JournalError, journalErrorOf } from './journal-error.js'
import { holderOf, isAlive, type JournalLock } from './lock-holder.js'

/** A file is new for a moment without its pid. */
const TRIES = 20
const PAUSE_MS = 50

/**
 * The lock of those who have no kernel locks: a file with a pid, which is taken over when that process is gone. Less certain: a
 * number may belong to another process by now, and two who take over at the same moment may both believe they have it.
 *
 * @throws JournalError when a process that lives has it.
 */
export async function lockByFile(path: string, file: string): Promise<JournalLock> {
  for (let tried = 0; tried < TRIES; tried++) {
    try {
      const created = await open(file, 'wx', 0o600)
      await created.writeFile(`${process.pid}\n`)
      await created.close()
      return { lost: null, release: () => unlink(file).catch(() => {}) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw journalErrorOf(path, 'locked', error)
    }
    const holder = await holderOf(file)
    if (isAlive(holder)) {
      throw new JournalError(
        path,
        `is being written by process ${holder}; wait until that has ended, or remove ${file} if that is no drover`,
      )
    }
    if (holder !== null || tried > TRIES / 2) await unlink(file).catch(() => {})
    else await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
  throw new JournalError(path, `cannot be locked: others take ${file} again and again`)
}
