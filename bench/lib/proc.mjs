import { readdirSync, readFileSync } from 'node:fs'

const MEGABYTE = 1024 * 1024

/**
 * A field of /proc/PID/status that is a size.
 *
 * @param {number | 'self'} pid
 * @param {'VmRSS' | 'VmHWM'} field
 * @returns {number | null} Megabytes; null when there is no such process, or no /proc.
 */
export function memoryOf(pid, field) {
  try {
    const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))
    return match === null ? null : (Number(match[1]) * 1024) / MEGABYTE
  } catch {
    return null
  }
}

/**
 * How big this process ever was. The kernel's usage figures would not do: they begin with the size of the parent that
 * forked.
 */
export function ownPeakMb() {
  return memoryOf('self', 'VmHWM') ?? process.resourceUsage().maxRSS / 1024
}

/** @param {number | string} pid */
function statOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const close = stat.lastIndexOf(')')
    const [state, parent] = stat.slice(close + 2).split(' ')
    return { name: stat.slice(stat.indexOf('(') + 1, close), state, parent: Number(parent) }
  } catch {
    return null
  }
}

/**
 * Whether a process is there and no zombie.
 *
 * @param {number} pid
 */
export function isAlive(pid) {
  const stat = statOf(pid)
  return stat !== null && stat.state !== 'Z'
}

/**
 * The processes of drover's native launcher below a process.
 *
 * @param {number} root
 * @returns {number[]} None where there is no launcher.
 */
export function launcherPids(root) {
  let entries
  try {
    entries = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
  const processes = new Map(entries.map((pid) => [Number(pid), statOf(pid)]))
  const isBelow = (/** @type {number} */ pid) => {
    let at = processes.get(pid)?.parent ?? 0
    while (at > 1 && at !== root) at = processes.get(at)?.parent ?? 0
    return at === root
  }
  return [...processes.keys()].filter((pid) => processes.get(pid)?.name.startsWith('drover') && isBelow(pid))
}

/**
 * What the launcher's processes hold together.
 *
 * @param {readonly number[]} pids
 * @returns {number | null} Megabytes; null when none is there.
 */
export function memoryOfAll(pids) {
  const sizes = pids.map((pid) => memoryOf(pid, 'VmRSS')).filter((size) => size !== null)
  return sizes.length === 0 ? null : sizes.reduce((sum, size) => sum + size, 0)
}
