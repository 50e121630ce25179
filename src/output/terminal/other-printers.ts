import { fstatSync, readdirSync, readFileSync, statSync } from 'node:fs'

/** Between two looks. */
const LEAST_MS = 1_000
/** Looking may take this share of the time. */
const MOST_SHARE = 1 / 300

interface Relative {
  readonly parent: number
  readonly group: number
}

/**
 * Processes of the same job whose standard output is the terminal that standard error is: what reads this process's output, as
 * `less` and `grep` do, or what make runs beside it. False where nobody can tell.
 */
export class OtherPrinters {
  #arePrinting = false
  #againMs = 0

  /** Whether there are any; looked up now and then. */
  arePrinting(): boolean {
    const nowMs = performance.now()
    if (nowMs < this.#againMs) return this.#arePrinting
    this.#arePrinting = othersPrint()
    const tookMs = performance.now() - nowMs
    this.#againMs = nowMs + Math.max(LEAST_MS, tookMs / MOST_SHARE)
    return this.#arePrinting
  }
}

/** Looks at all processes there are. */
export function othersPrint(): boolean {
  try {
    const terminals = [fstatSync(2).rdev, statSync('/dev/tty').rdev]
    const all = relatives()
    const own = all.get(process.pid)
    if (own === undefined) return false
    const above = new Set(ancestors(process.pid, all))
    for (const [pid, { group }] of all) {
      // A shell that waits for this process prints nothing, and what is below it prints through it.
      if (group !== own.group || pid === process.pid || above.has(pid)) continue
      if (!ancestors(pid, all).includes(process.pid) && isOn(pid, terminals)) return true
    }
    return false
  } catch {
    return false
  }
}

function relatives(): Map<number, Relative> {
  const all = new Map<number, Relative>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid)) continue
    try {
      // The name of the program is in parentheses and may hold anything.
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      const [, , parent, group] = stat.slice(stat.lastIndexOf(')') + 1).split(' ')
      all.set(pid, { parent: Number(parent), group: Number(group) })
    } catch {
      // It has ended meanwhile.
    }
  }
  return all
}

function ancestors(pid: number, all: ReadonlyMap<number, Relative>): number[] {
  const found: number[] = []
  for (let at = all.get(pid)?.parent; at !== undefined && at > 0 && !found.includes(at); at = all.get(at)?.parent)
    found.push(at)
  return found
}

function isOn(pid: number, terminals: readonly number[]): boolean {
  try {
    const stdout = statSync(`/proc/${pid}/fd/1`)
    return stdout.isCharacterDevice() && terminals.includes(stdout.rdev)
  } catch {
    return false
  }
}
