import { join } from 'node:path'
import type { ResultError } from '../../task/result.js'
import type { TreeUse } from '../process-uses.js'
import { type GroupFiles, groupFiles } from './group-files.js'
import { type GroupHome, type GroupHomes, groupHomes, pidsIn } from './group-homes.js'
import { groupName, removeFolders } from './group-names.js'

/** What a group is to limit; 0 is no limit. */
export interface GroupLimits {
  readonly maxMemoryBytes: number
  readonly cpus: number
}

/** Microseconds in which a group has its share of processor time; the kernel's own default. */
const PERIOD_US = 100_000
const REMOVE_INTERVAL_MS = 100
const MOST_REMOVALS = 100

/**
 * Control groups of one task: one folder in each hierarchy in which it is limited. What the task starts is in them too, and cannot leave
 * them without privileges.
 */
export class TaskGroup {
  /** What the task has to enter. */
  readonly folders: readonly string[]
  readonly #files: GroupFiles
  readonly #memory: GroupHome | null
  readonly #memoryFolder: string
  readonly #limitBytes: number
  /** Any of them, best one that can end all that is in it at once. */
  readonly #members: string

  /**
   * @throws the system's error, with what could not be done in its message; nothing is left then.
   */
  constructor(limits: GroupLimits, homes: GroupHomes = groupHomes(), files: GroupFiles = groupFiles) {
    const { maxMemoryBytes, cpus } = limits
    const name = groupName()
    const memory = maxMemoryBytes > 0 ? homes.memory : null
    const cpu = cpus > 0 ? homes.cpu : null
    const used = [memory, cpu].filter((home) => home !== null)
    const all = used.length > 0 ? used : [homes.members].filter((home) => home !== null)
    this.#files = files
    this.#memory = memory
    this.#memoryFolder = memory === null ? '' : join(memory.folder, name)
    this.#limitBytes = maxMemoryBytes
    this.folders = [...new Set(all.map(({ folder }) => join(folder, name)))]
    this.#members = join((all.find(({ version }) => version === 2) ?? all[0]!).folder, name)
    try {
      for (const folder of this.folders) files.makeFolder(folder)
      if (memory !== null) limitMemory(files, this.#memoryFolder, memory.version, maxMemoryBytes)
      if (cpu !== null) limitCpu(files, join(cpu.folder, name), cpu.version, cpus)
    } catch (error) {
      const { code = 'ERR_DROVER_CGROUP', message } = error as NodeJS.ErrnoException
      for (const folder of this.folders) removeFolders(files, folder)
      throw Object.assign(new Error(`cannot make a control group for the task: ${message}`), { code })
    }
  }

  /** All processes in it and in groups below. */
  pids(): number[] {
    return this.#below(this.#members, (folder) => pidsIn(this.#files, folder))
  }

  /** What it uses now; of memory what is not only a copy of files, and 0 where memory is not limited. */
  use(): TreeUse {
    return { bytes: this.#usedBytes(), processes: this.pids().length }
  }

  /** That processes in it were ended because memory ran out at its own limit; null when none were. */
  memoryExcess(): ResultError | null {
    if (this.#memory === null || !this.#hasRunOut(this.#memory.version)) return null
    const message = `used ${this.peakBytes()} bytes of memory where ${this.#limitBytes} are allowed, and was ended by the system`
    return { code: 'ERR_DROVER_MEMORY', message }
  }

  /** The most memory that it ever had, copies of files included. */
  peakBytes(): number {
    const names = this.#memory?.version === 2 ? ['memory.peak'] : PEAKS_OF_V1
    return Math.max(...names.map((name) => Number(this.#files.read(join(this.#memoryFolder, name)) ?? 0)))
  }

  /** Signals all that are in it; KILL reaches also those that are started meanwhile. @returns how many there were. */
  signal(signal: NodeJS.Signals | 0): number {
    const pids = this.pids()
    if (signal === 'SIGKILL' && pids.length > 0 && this.#killAll()) return pids.length
    return pids.filter((pid) => reached(pid, signal)).length
  }

  /** Removes it as soon as nothing is in it; what lives for longer keeps it until another run comes by. */
  remove(triesLeft = MOST_REMOVALS): void {
    const left = this.folders.filter((folder) => !removeFolders(this.#files, folder))
    if (left.length > 0 && triesLeft > 0) setTimeout(() => this.remove(triesLeft - 1), REMOVE_INTERVAL_MS).unref()
  }

  /** By `cgroup.kill`, which version 2 has since Linux 5.14. */
  #killAll(): boolean {
    try {
      this.#files.write(join(this.#members, 'cgroup.kill'), '1')
      return true
    } catch {
      return false
    }
  }

  #usedBytes(): number {
    if (this.#memory === null) return 0
    const stat = this.#files.read(join(this.#memoryFolder, 'memory.stat')) ?? ''
    const names = this.#memory.version === 2 ? ['anon', 'shmem'] : ['total_rss', 'total_shmem']
    return names.reduce((sum, name) => sum + numberOf(stat, name), 0)
  }

  /**
   * Of version 2 `oom` counts only what ran out here, by its own limit and not by that of a group above or below. Version 1 tells
   * only where somebody was ended: it was for this limit, and not for one above or below, when all that it allows was in use.
   */
  #hasRunOut(version: 1 | 2): boolean {
    const read = (name: string, folder = this.#memoryFolder) => this.#files.read(join(folder, name)) ?? ''
    if (version === 2) return numberOf(read('memory.events.local') || read('memory.events'), 'oom') > 0
    if (this.peakBytes() < this.#limitBytes - Math.min(this.#limitBytes / 4, MOST_SLACK)) return false
    const ended = this.#below(this.#memoryFolder, (folder) => [
      numberOf(read('memory.oom_control', folder), 'oom_kill'),
    ])
    return ended.some((count) => count > 0)
  }

  #below(folder: string, look: (folder: string) => number[]): number[] {
    const found = look(folder)
    for (const name of this.#files.folders(folder)) found.push(...this.#below(join(folder, name), look))
    return found
  }
}

function limitMemory(files: GroupFiles, folder: string, version: 1 | 2, bytes: number): void {
  const [limit, swap] = version === 2 ? ['memory.max', 'memory.swap.max'] : LIMITS_OF_V1
  files.write(join(folder, limit!), String(bytes))
  // Where there is no swap, or it is not counted, there is no such file.
  if (files.read(join(folder, swap!)) !== null) files.write(join(folder, swap!), version === 2 ? '0' : String(bytes))
  if (version === 2) files.write(join(folder, 'memory.oom.group'), '1')
}

const PEAKS_OF_V1 = ['memory.max_usage_in_bytes', 'memory.memsw.max_usage_in_bytes'] as const
/** How far from the limit memory may run out: what is asked for at once, as a huge page. */
const MOST_SLACK = 4 * 2 ** 20

/** The second is memory and swap together. */
const LIMITS_OF_V1 = ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes'] as const

function limitCpu(files: GroupFiles, folder: string, version: 1 | 2, cpus: number): void {
  const quota = Math.max(1_000, Math.round(cpus * PERIOD_US))
  if (version === 2) return files.write(join(folder, 'cpu.max'), `${quota} ${PERIOD_US}`)
  files.write(join(folder, 'cpu.cfs_period_us'), String(PERIOD_US))
  files.write(join(folder, 'cpu.cfs_quota_us'), String(quota))
}

/** Of lines of a name and a number. */
function numberOf(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
}

function reached(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    // It has gone, or is somebody else's.
    return false
  }
}
