import type { Launcher } from '../launcher/port.js'
import { type GroupHome, groupHomes } from './cgroups/group-homes.js'
import type { Limits } from './limits.js'

/**
 * By what a limit is kept: a control group of the task's own; the kernel, for each process; by looking at the tree again and again;
 * or not at all, so that to ask for it is refused.
 */
export type LimitMechanism = 'cgroup v2' | 'cgroup v1' | 'kernel' | 'watched' | 'none'

/** What holds on this machine, with this launcher. */
export function limitMechanisms(launcher: Launcher): Readonly<Record<keyof Limits, LimitMechanism>> {
  const isNative = launcher.capabilities.limits
  const watched = process.platform === 'linux' ? 'watched' : 'none'
  const homes = isNative && process.platform === 'linux' ? groupHomes() : null
  const kernel = isNative ? 'kernel' : 'none'
  return {
    maxMemoryBytes: groupOf(homes?.memory) ?? watched,
    // A group tells which they are; they are counted all the same.
    maxProcesses: watched,
    maxCpuMs: kernel,
    maxFileSizeBytes: kernel,
    nice: kernel,
    cpus: groupOf(homes?.cpu) ?? 'none',
  }
}

function groupOf(home: GroupHome | null | undefined): LimitMechanism | null {
  return home == null ? null : `cgroup v${home.version}`
}
