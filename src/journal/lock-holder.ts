import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

/** What keeps others from writing to a journal at the same time. */
export interface JournalLock {
  /** Aborted when it was lost; null where that cannot happen. */
  readonly lost: AbortSignal | null
  release(): Promise<void>
}

/** The pid in a lock file. */
export async function holderOf(file: string): Promise<number | null> {
  const pid = Number(await readFile(file, 'utf8').catch(() => ''))
  return Number.isSafeInteger(pid) && pid > 0 ? pid : null
}

export function isAlive(pid: number | null): boolean {
  if (pid === null) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return !isZombie(pid)
}

/** One whose parent has not noticed its end yet: it holds nothing any more. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.charAt(stat.lastIndexOf(')') + 2) === 'Z'
  } catch {
    return false
  }
}
