import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** A process as the system lists it. */
export interface ProcessEntry {
  readonly pid: number
  readonly parent: number
  readonly group: number
  readonly session: number
  readonly zombie: boolean
}

/** The name of the environment variable by which descendants of a child are recognised wherever they went. */
export const TREE_VARIABLE = 'DROVER_TREE'

/**
 * All processes of the machine at one moment, and which of them belong to the tree of a given child: its group, its
 * session, everything below those, and whatever carries the child's mark in its environment. Zombies are left out.
 */
export class ProcessTable {
  readonly #entries: readonly ProcessEntry[]
  readonly #below = new Map<number, ProcessEntry[]>()
  readonly #marks = new Map<number, string>()

  constructor(entries: readonly ProcessEntry[] = listProcesses()) {
    this.#entries = entries.filter((entry) => !entry.zombie)
    for (const entry of entries) {
      const siblings = this.#below.get(entry.parent)
      if (siblings === undefined) this.#below.set(entry.parent, [entry])
      else siblings.push(entry)
    }
  }

  /** Living processes of the tree whose first process has, or had, this pid and was given this mark. */
  treeOf(root: number, mark: string): number[] {
    return this.#closure(
      (entry) => entry.pid === root || entry.group === root || entry.session === root || this.#carries(entry.pid, mark),
    )
  }

  /** Living processes that carry a mark which begins like this, with everything below them. */
  withMark(beginning: string): number[] {
    return this.#closure((entry) => this.#markOf(entry.pid).startsWith(beginning))
  }

  hasGroup(group: number): boolean {
    return this.#entries.some((entry) => entry.group === group)
  }

  #closure(belongs: (entry: ProcessEntry) => boolean): number[] {
    const members = new Set<number>()
    const queue = this.#entries.filter((entry) => entry.pid !== process.pid && belongs(entry)).map((entry) => entry.pid)
    const living = new Set(this.#entries.map((entry) => entry.pid))
    for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
      if (members.has(pid) || pid === process.pid) continue
      members.add(pid)
      for (const child of this.#below.get(pid) ?? []) queue.push(child.pid)
    }
    return [...members].filter((pid) => living.has(pid))
  }

  #carries(pid: number, mark: string): boolean {
    const found = this.#markOf(pid)
    return found === mark || found.startsWith(`${mark}/`)
  }

  #markOf(pid: number): string {
    let mark = this.#marks.get(pid)
    if (mark === undefined) {
      mark = readMark(pid)
      this.#marks.set(pid, mark)
    }
    return mark
  }
}

function listProcesses(): ProcessEntry[] {
  if (process.platform === 'linux') return listFromProc()
  if (process.platform === 'win32') return []
  return listFromPs()
}

function listFromProc(): ProcessEntry[] {
  const entries: ProcessEntry[] = []
  for (const name of readdirSync('/proc')) {
    const first = name.charCodeAt(0)
    if (first < 49 || first > 57) continue
    const entry = readStat(Number(name))
    if (entry !== null) entries.push(entry)
  }
  return entries
}

function readStat(pid: number): ProcessEntry | null {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    // It ended between the listing and the look at it.
    return null
  }
  // The name stands in parentheses and may itself hold spaces and parentheses: the fields begin after the last one.
  const [state, parent, group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 4)
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    zombie: state === 'Z' || state === 'X',
  }
}

function listFromPs(): ProcessEntry[] {
  const listing = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,sess=,stat='], { encoding: 'latin1' })
  return listing
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [pid, parent, group, session, stat] = line.trim().split(/\s+/)
      return {
        pid: Number(pid),
        parent: Number(parent),
        group: Number(group),
        session: Number(session) || 0,
        zombie: stat?.startsWith('Z') ?? false,
      }
    })
}

function readMark(pid: number): string {
  if (process.platform !== 'linux') return ''
  let environment: string
  try {
    environment = readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch {
    // Other users' processes cannot be looked into; they are not ours either.
    return ''
  }
  const name = `${TREE_VARIABLE}=`
  const start = environment.startsWith(name) ? 0 : environment.indexOf(`\0${name}`) + 1
  if (start === 0 && !environment.startsWith(name)) return ''
  const end = environment.indexOf('\0', start)
  return environment.slice(start + name.length, end === -1 ? undefined : end)
}

let cached: { table: ProcessTable; madeAt: number } | null = null

/**
 * The table as it was at most 10 ms ago, so that ending many trees at once lists the processes once. Null when the
 * processes cannot be listed, as when this process has no file descriptor left.
 *
 * @param sinceMs - an older one will not do, by the monotonic clock: a process that was started since is not in it.
 */
export function recentProcessTable(sinceMs = 0): ProcessTable | null {
  if (cached !== null && performance.now() - cached.madeAt <= 10 && cached.madeAt >= sinceMs) return cached.table
  try {
    cached = { table: new ProcessTable(), madeAt: performance.now() }
  } catch {
    return null
  }
  return cached.table
}

/** Makes the next look at the processes a fresh one. */
export function forgetProcessTable(): void {
  cached = null
}
