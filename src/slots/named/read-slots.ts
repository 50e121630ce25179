import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DroverError, OptionError } from '../../task/errors.js'
import { uniqueId } from '../../task/unique-id.js'
import { usableCpus } from '../usable-cpus.js'
import { checkSlotName, slotFolder, slotsFolder } from './slot-folder.js'

/** Who holds a slot, or waits for some. */
export interface SlotUser {
  /** Of the drover; not of the task that runs on it. */
  readonly pid: number | null
  /** What it is: the run and its command. */
  readonly label: string
  /** ISO 8601 in UTC. */
  readonly since: string
}

/** Slots of one name. */
export interface NamedSlotsState {
  /** Its name, as in `--slots NAME`. */
  readonly name: string
  /** How many there are. */
  readonly limit: number
  /** Whether that was set; else it is the number of CPUs of whoever takes one. */
  readonly isSet: boolean
  /** Who holds some of them, and how many. */
  readonly holders: readonly SlotUser[]
  /** The first in line first. */
  readonly waiting: readonly SlotUser[]
}

const MOST_SLOTS = 4_096

/** All slots that have a name here, with who holds them and who waits. Linux only: elsewhere there are none. */
export function readSlots(): NamedSlotsState[] {
  const folder = slotsFolder()
  return readdirSync(folder)
    .sort()
    .map((name) => stateOf(name, join(folder, name)))
}

/**
 * Says how many slots of a name there are, for all who use it, at once. Fewer than are held takes nothing away; 0 lets nothing start.
 *
 * @throws OptionError for what is no name or no number from 0 to 4,096.
 */
export function setSlots(name: string, limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 0 || limit > MOST_SLOTS) {
    throw new OptionError(`slots: expected a whole number from 0 to ${MOST_SLOTS}, not ${String(limit)}`)
  }
  const folder = slotFolder(name)
  const temporary = join(folder, `set-${process.pid}-${uniqueId()}`)
  writeFileSync(temporary, `${limit}\n`, { mode: 0o600 })
  // Whoever waits is woken by that.
  renameSync(temporary, join(folder, 'limit'))
}

/**
 * Forgets a name and its limit.
 *
 * @throws OptionError for what is no name; DroverError `ERR_DROVER_SLOTS_IN_USE` while somebody holds a slot of it or waits for one.
 */
export function removeSlots(name: string): void {
  const folder = join(slotsFolder(), checkSlotName(name))
  mkdirSync(folder, { recursive: true })
  const { holders, waiting } = stateOf(name, folder)
  if (holders.length + waiting.length > 0) {
    const who = [...holders, ...waiting].map(({ pid }) => pid).join(', ')
    throw new DroverError(
      'ERR_DROVER_SLOTS_IN_USE',
      `the slots ${name} are in use by process ${who}; wait until they are not`,
    )
  }
  rmSync(folder, { recursive: true, force: true })
}

function stateOf(name: string, folder: string): NamedSlotsState {
  const locked = lockedFiles()
  const files = readdirSync(folder).filter((file) => locked.has(idOf(join(folder, file))))
  const users = (beginning: string) =>
    files.filter((file) => file.startsWith(beginning)).map((file) => userOf(join(folder, file)))
  const set = limitOf(folder)
  return {
    name,
    limit: set ?? usableCpus(),
    isSet: set !== null,
    holders: users('slot-'),
    waiting: users('wait-').sort((a, b) => a.since.localeCompare(b.since)),
  }
}

function limitOf(folder: string): number | null {
  try {
    const words = readFileSync(join(folder, 'limit'), 'utf8')
    return /^\d+\n$/.test(words) ? Number(words) : null
  } catch {
    return null
  }
}

/** Files that are locked, by device and inode, as the kernel lists them. */
function lockedFiles(): ReadonlySet<string> {
  let list = ''
  try {
    list = readFileSync('/proc/locks', 'utf8')
  } catch {
    // No such list: not Linux, or a container that hides it.
  }
  const locked = new Set<string>()
  for (const [, major, minor, inode] of list.matchAll(/OFDLCK\s+\S+\s+WRITE\s+\S+\s+([\da-f]+):([\da-f]+):(\d+)/g)) {
    locked.add(`${Number.parseInt(major!, 16)}:${Number.parseInt(minor!, 16)}:${inode}`)
  }
  return locked
}

function idOf(path: string): string {
  try {
    const { dev, ino } = statSync(path)
    // As the C library takes a number of a device apart.
    const major = ((dev / 2 ** 8) & 0xfff) | (Math.floor(dev / 2 ** 32) & ~0xfff)
    const minor = (dev & 0xff) | (Math.floor(dev / 2 ** 12) & ~0xff & 0xfffff)
    return `${major}:${minor}:${ino}`
  } catch {
    return ''
  }
}

function userOf(path: string): SlotUser {
  try {
    const [pid, ...label] = readFileSync(path, 'utf8').split('\n')
    const number = Number(pid)
    return { pid: number > 0 ? number : null, label: label.join(' '), since: statSync(path).mtime.toISOString() }
  } catch {
    return { pid: null, label: '', since: new Date(0).toISOString() }
  }
}
