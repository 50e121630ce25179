import { readdirSync, readFileSync } from 'node:fs'
import { PAGE_BYTES } from './page-bytes.js'

/** What a tree of processes uses at one moment. */
export interface TreeUse {
  /** Resident memory of all of them; what they share counts for each. */
  readonly bytes: number
  readonly processes: number
}

/** Where fields are in `/proc/PID/stat` behind the name, which ends with the last parenthesis (proc(5)). */
const [STATE, PARENT, GROUP, SESSION, RESIDENT_PAGES] = [0, 1, 2, 3, 21]

export interface ProcessUse {
  readonly pid: number
  readonly parent: number
  readonly group: number
  readonly session: number
  readonly bytes: number
}

/** A process belongs to a tree by its session, its group, or because its parent does. */
export function usesOf(roots: ReadonlySet<number>, processes: readonly ProcessUse[]): Map<number, TreeUse> {
  const byPid = new Map(processes.map((one) => [one.pid, one]))
  const owners = new Map<number, number | null>()
  const ownerOf = (pid: number): number | null => {
    const known = owners.get(pid)
    if (known !== undefined) return known
    // For the time being, should parents ever go round in a circle.
    owners.set(pid, null)
    const one = byPid.get(pid)
    const owner =
      [pid, one?.session, one?.group].find((id) => id !== undefined && roots.has(id)) ??
      (one === undefined ? null : ownerOf(one.parent))
    owners.set(pid, owner)
    return owner
  }
  const uses = new Map<number, TreeUse>()
  for (const { pid, bytes } of processes) {
    const owner = ownerOf(pid)
    if (owner === null) continue
    const before = uses.get(owner) ?? { bytes: 0, processes: 0 }
    uses.set(owner, { bytes: before.bytes + bytes, processes: before.processes + 1 })
  }
  return uses
}

/** All processes of this machine that live; none where there is no `/proc`. */
export function readProcesses(): ProcessUse[] {
  const processes: ProcessUse[] = []
  let names: string[] = []
  try {
    names = readdirSync('/proc')
  } catch {
    // Without /proc there is nothing to be seen.
  }
  for (const name of names) {
    const fields = /^\d+$/.test(name) ? statFields(name) : null
    if (fields === null || fields[STATE!] === 'Z' || fields[STATE!] === 'X') continue
    processes.push({
      pid: Number(name),
      parent: Number(fields[PARENT!]),
      group: Number(fields[GROUP!]),
      session: Number(fields[SESSION!]),
      bytes: Number(fields[RESIDENT_PAGES!]) * PAGE_BYTES,
    })
  }
  return processes
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
