import { readdirSync, readFileSync } from 'node:fs'
import { PAGE_BYTES } from '../process/page-bytes.js'

/** Where fields are in `/proc/PID/stat` behind the name, which ends with the last parenthesis (proc(5)). */
const SESSION = 3
const RESIDENT_PAGES = 21

/**
 * The resident memory of whole sessions: of a worker, which leads one, and of all processes below it that did not leave it.
 * Memory that they share is counted for each of them.
 *
 * @returns bytes by the session's number; Linux only, empty elsewhere.
 */
export function residentMemory(sessions: ReadonlySet<number>): Map<number, number> {
  const sums = new Map<number, number>()
  for (const name of processNames()) {
    const fields = statFields(name)
    if (fields === null) continue
    const session = Number(fields[SESSION])
    if (!sessions.has(session)) continue
    sums.set(session, (sums.get(session) ?? 0) + Number(fields[RESIDENT_PAGES]) * PAGE_BYTES)
  }
  return sums
}

function processNames(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

function statFields(pid: string): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    // It ended meanwhile.
    return null
  }
}
