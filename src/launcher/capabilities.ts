import type { ChildExit, Launcher, StartSpec } from './port.js'

/** What an adapter can do beyond the contract, for `drover doctor` and for documentation. */
export interface LauncherCapabilities {
  /** Whether everything ends when this Node process is killed with SIGKILL. */
  readonly endsWithParent: boolean
  /** Whether descendants are found after a double fork that also dropped its environment. */
  readonly findsDoubleForks: boolean
  /** Whether arguments and environment may hold bytes that are not UTF-8. */
  readonly bytes: boolean
  /** Whether {@link ChildExit} carries the kernel's accounting. */
  readonly usage: boolean
  /** Whether children get real pipes, so that `/dev/stdin` and `/dev/stderr` can be opened. */
  readonly realPipes: boolean
  /**
   * Whether {@link StartSpec.nice}, {@link StartSpec.limits} and {@link StartSpec.treeLimits} can be set. Where not, a start with them fails
   * with `ERR_DROVER_UNSUPPORTED`.
   */
  readonly limits: boolean
  /** Whether there is {@link Launcher.lock}. */
  readonly locks: boolean
  /** Whether there is {@link Launcher.openJobserver}. */
  readonly jobservers: boolean
  /** Whether there is {@link Launcher.takeSlots}. */
  readonly slots: boolean
  /**
   * Whether children run on other machines: their pids, files, descriptors and control groups are none of this one's. Default: false.
   */
  readonly isRemote?: boolean
}
