import type { StartSpec } from './port.js'

/** What children may use. A part of the port. */
/**
 * What a child and each process below it may use, every one for itself: set as the system's hard and its soft limit. What
 * is left out stays as it is in the parent; `Infinity` is no limit. Only a privileged process can raise them.
 */
export interface ResourceLimits {
  /** Of processor time; what uses more is ended with SIGKILL. */
  readonly cpuSeconds?: number | undefined
  /** What writes beyond that in any file gets SIGXFSZ. */
  readonly fileSizeBytes?: number | undefined
  /** The number of descriptors, the three standard streams included. */
  readonly openFiles?: number | undefined
  /** The largest core file; 0 is none. */
  readonly coreBytes?: number | undefined
  /** Of the first thread. */
  readonly stackBytes?: number | undefined
}

/**
 * What a child and all below it may use together. They are looked at 20 times a second, unless that took more than a tenth of the time, and
 * ended with SIGKILL when they are beyond it. 0 is no limit.
 */
export interface TreeLimits {
  /** Of resident memory; what processes share counts for each. Default: 0. */
  readonly bytes?: number | undefined
  /** How many they may be, the child included. Default: 0. */
  readonly processes?: number | undefined
}

/** What a child with {@link StartSpec.treeLimits} uses, or did at most. */
export interface WatchedUse {
  /** Resident memory of all of them. */
  readonly bytes: number
  /** How many they are. */
  readonly processes: number
  /** What was too much, and is being ended; null when nothing was. */
  readonly beyond: 'bytes' | 'processes' | null
}
