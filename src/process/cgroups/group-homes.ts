import { join } from 'node:path'
import { readProcesses } from '../process-uses.js'
import { type GroupFiles, groupFiles } from './group-files.js'
import { groupName, removeStale, selfName } from './group-names.js'
import { groupPlaces } from './places.js'

/** A folder in which groups for tasks can be made. */
export interface GroupHome {
  readonly version: 1 | 2
  readonly folder: string
}

/** Where groups can be made that do something; null where they cannot. */
export interface GroupHomes {
  /** That limit memory. */
  readonly memory: GroupHome | null
  /** That limit processor time. */
  readonly cpu: GroupHome | null
  /** That tell what belongs to a task, and no more. */
  readonly members: GroupHome | null
}

type Controller = 'memory' | 'cpu' | 'pids'

/** The file in which each has its limit, by version. */
const LIMIT_FILES: Readonly<Record<Controller, readonly [string, string]>> = {
  memory: ['memory.limit_in_bytes', 'memory.max'],
  cpu: ['cpu.cfs_quota_us', 'cpu.max'],
  pids: ['pids.max', 'pids.max'],
}

const NONE: GroupHomes = { memory: null, cpu: null, members: null }

let found: GroupHomes | null = null

/**
 * What this process may do with control groups, found by trying, once. `DROVER_CGROUPS=off` in the environment says to do without.
 *
 * Groups are made within this process's own, so that what limits it limits them. Of version 2 that has to be delegated, as with
 * `Delegate=yes` of systemd, and nobody else may be in it: this process moves to a group below, `drover-…-self`, since a group
 * that has processes cannot divide what it has among others. Of version 1 it has to be writable.
 */
export function groupHomes(): GroupHomes {
  found ??= process.env.DROVER_CGROUPS === 'off' ? NONE : findGroupHomes(groupFiles, ownProcesses)
  return found
}

/**
 * @param files - how control groups are read and written.
 * @param own - the pids of this process and of those that it started.
 */
export function findGroupHomes(files: GroupFiles, own: () => ReadonlySet<number>): GroupHomes {
  const places = groupPlaces((path) => files.read(path))
  const second = places.find(({ version }) => version === 2)
  const unified = second === undefined ? null : unifiedHome(files, second.folder, own)
  const first = (controller: Controller): GroupHome | null => {
    const place = places.find(({ version, controllers }) => version === 1 && controllers.includes(controller))
    return place !== undefined && canLimit(files, place.folder, 1, [controller])
      ? { version: 1, folder: place.folder }
      : null
  }
  const of = (controller: Controller) => (unified?.controllers.has(controller) ? unified.home : first(controller))
  return { memory: of('memory'), cpu: of('cpu'), members: unified?.home ?? first('pids') }
}

const UNIFIED = ['memory', 'cpu'] as const

interface UnifiedHome {
  readonly home: GroupHome
  readonly controllers: ReadonlySet<Controller>
}

function unifiedHome(files: GroupFiles, folder: string, own: () => ReadonlySet<number>): UnifiedHome | null {
  if (!mayMove(files, folder)) return null
  const available = words(files.read(join(folder, 'cgroup.controllers')))
  divide(
    files,
    folder,
    UNIFIED.filter((name) => available.has(name)),
    own,
  )
  const divided = words(files.read(join(folder, 'cgroup.subtree_control')))
  const controllers = UNIFIED.filter((name) => divided.has(name))
  if (!canLimit(files, folder, 2, controllers)) return null
  return { home: { version: 2, folder }, controllers: new Set(controllers) }
}

/** Lets groups below have limits of their own. What cannot be is seen afterwards. */
function divide(files: GroupFiles, folder: string, wanted: readonly string[], own: () => ReadonlySet<number>): void {
  const missing = () => {
    const divided = words(files.read(join(folder, 'cgroup.subtree_control')))
    return wanted.filter((name) => !divided.has(name))
  }
  const enable = () => {
    for (const name of missing()) attempt(() => files.write(join(folder, 'cgroup.subtree_control'), `+${name}`))
  }
  enable()
  if (missing().length > 0 && moveAside(files, folder, own)) enable()
}

/** Moves all processes of a group one further down, if all of them are our own. */
function moveAside(files: GroupFiles, folder: string, own: () => ReadonlySet<number>): boolean {
  const members = pidsIn(files, folder)
  const ours = own()
  if (members.length === 0 || !members.every((pid) => ours.has(pid))) return false
  const aside = join(folder, selfName())
  return attempt(() => {
    files.makeFolder(aside)
    for (const pid of members) files.write(join(aside, 'cgroup.procs'), String(pid))
  })
}

/** Whether groups can be made there, and given those limits. */
function canLimit(files: GroupFiles, folder: string, version: 1 | 2, controllers: readonly Controller[]): boolean {
  removeStale(files, folder)
  const probe = join(folder, groupName())
  if (!attempt(() => files.makeFolder(probe))) return false
  const can = controllers.every((name) => {
    const path = join(probe, LIMIT_FILES[name][version - 1]!)
    const text = files.read(path)
    return text !== null && attempt(() => files.write(path, text))
  })
  return attempt(() => files.removeFolder(probe)) && can
}

/** Who moves a process has to be allowed to write to the group above both. */
function mayMove(files: GroupFiles, folder: string): boolean {
  // Nothing that is written changes anything: to write a process that is not there is refused for that reason, and not for another.
  try {
    files.write(join(folder, 'cgroup.procs'), '-1')
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS'
  }
}

/** The processes in a group, but not in those below. */
export function pidsIn(files: GroupFiles, folder: string): number[] {
  const pids = (files.read(join(folder, 'cgroup.procs')) ?? '').split('\n').map(Number)
  return pids.filter((pid) => pid > 0)
}

function words(text: string | null): Set<string> {
  return new Set((text ?? '').split(/\s+/).filter((word) => word !== ''))
}

function attempt(act: () => void): boolean {
  try {
    act()
    return true
  } catch {
    return false
  }
}

function ownProcesses(): Set<number> {
  const processes = readProcesses()
  const own = new Set([process.pid])
  for (let size = 0; size < own.size; ) {
    size = own.size
    for (const { pid, parent } of processes) if (own.has(parent)) own.add(pid)
  }
  return own
}
