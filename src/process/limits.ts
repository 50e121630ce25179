import type { ChildExit, Launcher, StartSpec } from '../launcher/port.js'
import { OptionError } from '../task/errors.js'
import type { ResultError } from '../task/result.js'
import { groupHomes } from './cgroups/group-homes.js'
import type { TreeUse } from './process-uses.js'

/** What a task may use. All of it is optional. */
export interface Limits {
  /**
   * Memory of the task and all below it, in bytes: one that needs more is ended, `killed` with `ERR_DROVER_MEMORY`. By a control group where
   * there is one for it; else its resident memory is looked at 20 times a second, so that more may be used for a moment: with hosts
   * by the launcher over there. Linux only. 0 is no limit. Default: 0.
   */
  readonly maxMemoryBytes?: number | undefined
  /** How many processes the task may be, itself included; `killed` with `ERR_DROVER_PROCESSES`. Looked at 20 times a second. Linux only. Default: 0. */
  readonly maxProcesses?: number | undefined
  /**
   * Processor time of each process, in milliseconds, rounded up to seconds: one that uses more is ended by the kernel; `killed` with
   * `ERR_DROVER_CPU_TIME` where it is the task's own process. Native launcher only. 0 is no limit. Default: 0.
   */
  readonly maxCpuMs?: number | undefined
  /** The largest file that may be written, in bytes; `killed` with `ERR_DROVER_FILE_SIZE`, as above. Native launcher only. Default: 0. */
  readonly maxFileSizeBytes?: number | undefined
  /** Niceness that is added to this process's, from -20 to 19. Native launcher only. Default: 0. */
  readonly nice?: number | undefined
  /**
   * Processor time of the task and all below it, in CPUs, as in 0.5: it is slowed down to that, not ended. Needs a control group and the native
   * launcher, and is refused with hosts. 0 is no limit. Default: 0.
   */
  readonly cpus?: number | undefined
}

export type CheckedLimits = { readonly [Name in keyof Limits]-?: number } & {
  /** Whether what is started can be put into control groups. */
  readonly byGroups: boolean
  /** Whether the launcher looks at what its children use, since nobody else can. */
  readonly byLauncher: boolean
}

const LEAST_MEMORY_BYTES = 65_536

/** The names of all limits. */
export const LIMITS: readonly (keyof Limits)[] = [
  'maxMemoryBytes',
  'maxProcesses',
  'maxCpuMs',
  'maxFileSizeBytes',
  'nice',
  'cpus',
]

/** @throws OptionError that names the limit and what was expected, or that it cannot be kept here. */
export function checkLimits(limits: Limits, launcher: Launcher): CheckedLimits {
  const { isRemote = false } = launcher.capabilities
  const checked = {
    ...(Object.fromEntries(LIMITS.map((name) => [name, checkLimit(name, limits[name])])) as Record<
      keyof Limits,
      number
    >),
    byGroups: launcher.capabilities.limits && !isRemote,
    byLauncher: isRemote,
  }
  if (checked.cpus > 0 && isRemote) {
    throw new OptionError(
      'cpus: needs a control group where the task runs, and none can be made on other machines; leave it out with hosts',
    )
  }
  if (checked.maxMemoryBytes + checked.maxProcesses > 0 && process.platform !== 'linux' && !isRemote) {
    throw new OptionError('maxMemoryBytes and maxProcesses: what other processes use can only be seen on Linux')
  }
  const native = (['maxCpuMs', 'maxFileSizeBytes', 'nice', 'cpus'] as const).find((name) => checked[name] !== 0)
  if (native !== undefined && !launcher.capabilities.limits) {
    throw new OptionError(`${native}: needs the native launcher, which is not used here; drover doctor says why`)
  }
  if (checked.cpus > 0 && groupHomes().cpu === null) {
    throw new OptionError(
      'cpus: needs a control group for processor time, and none can be made here; drover doctor says more, and docs/limits.md how to get one',
    )
  }
  return checked
}

function checkLimit(name: keyof Limits, value: number | undefined): number {
  if (value === undefined) return 0
  if (name === 'cpus') {
    if (typeof value === 'number' && (value === 0 || (value >= 0.01 && value <= 1e6))) return value
    throw new OptionError(`cpus: expected a number of at least 0.01, or 0 for no limit, not ${String(value)}`)
  }
  if (name === 'maxMemoryBytes' && value > 0 && value < LEAST_MEMORY_BYTES)
    throw new OptionError(
      `${name}: no program starts with less than ${LEAST_MEMORY_BYTES} bytes, and ${value} were given`,
    )
  const [least, most] = name === 'nice' ? [-20, 19] : [0, Number.MAX_SAFE_INTEGER]
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  const range = name === 'nice' ? 'from -20 to 19' : 'of at least 0'
  throw new OptionError(`${name}: expected a whole number ${range}, not ${String(value)}`)
}

/** What the kernel or the launcher keeps of them, for the child. */
export function withLimits(spec: StartSpec, limits: CheckedLimits): StartSpec {
  const { nice, maxCpuMs, maxFileSizeBytes, maxMemoryBytes, maxProcesses, byLauncher } = limits
  const isWatched = byLauncher && maxMemoryBytes + maxProcesses > 0
  if (nice === 0 && maxCpuMs === 0 && maxFileSizeBytes === 0 && !isWatched) return spec
  return {
    ...spec,
    ...(isWatched && { treeLimits: { bytes: maxMemoryBytes, processes: maxProcesses } }),
    ...(nice !== 0 && { nice }),
    limits: {
      ...spec.limits,
      ...(maxCpuMs > 0 && { cpuSeconds: Math.ceil(maxCpuMs / 1_000) }),
      ...(maxFileSizeBytes > 0 && { fileSizeBytes: maxFileSizeBytes }),
    },
  }
}

/** Which limit a tree is beyond; null when it is within all. */
export function excessOf(use: TreeUse, { maxMemoryBytes, maxProcesses }: CheckedLimits): ResultError | null {
  if (maxMemoryBytes > 0 && use.bytes > maxMemoryBytes) {
    const message = `used ${use.bytes} bytes of memory where ${maxMemoryBytes} are allowed, and was ended`
    return { code: 'ERR_DROVER_MEMORY', message }
  }
  if (maxProcesses > 0 && use.processes > maxProcesses) {
    const message = `was ${use.processes} processes where ${maxProcesses} are allowed, and was ended`
    return { code: 'ERR_DROVER_PROCESSES', message }
  }
  return null
}

/** Which limit the kernel has ended a process for; null when for none. */
export function kernelExcessOf(exit: ChildExit, { maxCpuMs, maxFileSizeBytes }: CheckedLimits): ResultError | null {
  const usedMs = (exit.cpuUserMs ?? 0) + (exit.cpuSystemMs ?? 0)
  const seconds = Math.ceil(maxCpuMs / 1_000)
  // The kernel ends it by another count, of ticks of its clock, than the one that it tells.
  if (maxCpuMs > 0 && /^SIG(KILL|XCPU)$/.test(exit.signal ?? '') && usedMs >= seconds * 500) {
    const message = `used more than ${seconds} s of processor time, and was ended by the system`
    return { code: 'ERR_DROVER_CPU_TIME', message }
  }
  if (maxFileSizeBytes > 0 && exit.signal === 'SIGXFSZ') {
    const message = `wrote a file of more than ${maxFileSizeBytes} bytes, and was ended by the system`
    return { code: 'ERR_DROVER_FILE_SIZE', message }
  }
  return null
}
