import type { Child, ChildExit, StartSpec, WatchedUse } from '../launcher/port.js'
import type { ResultError } from '../task/result.js'
import { groupHomes } from './cgroups/group-homes.js'
import { TaskGroup } from './cgroups/task-group.js'
import type { Tree } from './end-tree.js'
import { type CheckedLimits, excessOf, kernelExcessOf, withLimits } from './limits.js'
import type { TreeUse } from './process-uses.js'
import { watchTree } from './tree-watch.js'

/**
 * Keeps one tree of processes within its limits: by control groups where there are some for that, else by looking again and again. What the
 * kernel keeps for each process by itself is in what is started.
 */
export class LimitKeeper {
  readonly #limits: CheckedLimits
  #group: TaskGroup | null = null
  #stopWatching: (() => void) | null = null
  /** Of the whole tree, where it is watched. */
  #peakBytes = 0

  constructor(limits: CheckedLimits) {
    this.#limits = limits
  }

  /** What is to be started. To be called once. @throws the system's error when a control group cannot be made. */
  prepare(spec: StartSpec): StartSpec {
    const limited = withLimits(spec, this.#limits)
    if (!wantsGroup(this.#limits)) return limited
    this.#group = new TaskGroup(this.#limits)
    return { ...limited, groups: this.#group.folders }
  }

  /** Reaches what the child has started, all of it where it is in a control group. */
  treeOf(child: Child): Tree {
    return this.#group === null ? child : groupedTree(child, this.#group)
  }

  /** Whether processes of it are alive that the launcher may not know of. */
  get mayBeLeft(): boolean {
    return this.#group !== null && this.#group.pids().length > 0
  }

  /** It has been started. @param onExcess - told of what is beyond a limit; again until {@link end}. */
  watch(root: number, onExcess: (error: ResultError) => void): void {
    const { maxMemoryBytes, maxProcesses } = this.#limits
    if (maxMemoryBytes + maxProcesses === 0 || this.#limits.byLauncher) return
    const group = this.#group !== null && canWatch(this.#limits) ? this.#group : null
    const onUse = (use: TreeUse) => {
      this.#peakBytes = Math.max(this.#peakBytes, use.bytes)
      const error = group?.memoryExcess() ?? excessOf(use, this.#limits)
      if (error !== null) onExcess(error)
    }
    this.#stopWatching = watchTree(group === null ? { root, onUse } : { look: () => group.use(), onUse })
  }

  /** What the launcher has seen, where it looks. @returns which limit that is beyond; null when none. */
  noteUse({ bytes, processes, beyond }: WatchedUse): ResultError | null {
    this.#peakBytes = Math.max(this.#peakBytes, bytes)
    return beyond === null ? null : excessOf({ bytes, processes }, this.#limits)
  }

  /** Which limit the kernel has ended something of it for; null when for none. */
  get excessNow(): ResultError | null {
    return this.#group?.memoryExcess() ?? null
  }

  /** Which limit its own process has ended for; null when for none. */
  excessOfExit(exit: ChildExit): ResultError | null {
    return this.excessNow ?? kernelExcessOf(exit, this.#limits)
  }

  /** The kernel knows the largest single process; who watched them, or counted them, knows all together. */
  withPeak(exit: ChildExit): ChildExit {
    const ranOut = this.#group !== null && this.#group.memoryExcess() !== null
    const peak = ranOut ? this.#group!.peakBytes() : this.#peakBytes
    return peak > (exit.maxRssBytes ?? 0) ? { ...exit, maxRssBytes: peak } : exit
  }

  /** Watches no more. */
  stop(): void {
    this.#stopWatching?.()
    this.#stopWatching = null
  }

  /** Nothing more will be asked; what is left of the group goes as soon as it can. */
  end(): void {
    this.stop()
    this.#group?.remove()
    this.#group = null
  }
}

function wantsGroup(limits: CheckedLimits): boolean {
  if (!limits.byGroups) return false
  return limits.cpus > 0 || (limits.maxMemoryBytes + limits.maxProcesses > 0 && canWatch(limits))
}

/** Whether a group tells all that is to be known. */
function canWatch({ maxMemoryBytes }: CheckedLimits): boolean {
  const { memory, members } = groupHomes()
  return maxMemoryBytes > 0 ? memory !== null : members !== null
}

/** A process that has left its parents and its session is in its control group still. */
function groupedTree(child: Child, group: TaskGroup): Tree {
  return {
    async countTree() {
      return Math.max(group.pids().length, await child.countTree())
    },
    async signalTree(signal) {
      const count = group.signal(signal)
      // Any other signal would come twice.
      return signal === 'SIGKILL' || count === 0 ? Math.max(count, await child.signalTree(signal)) : count
    },
  }
}
