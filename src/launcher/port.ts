/**
 * The port between drover and whatever starts operating-system processes. An adapter knows nothing of tasks, retries
 * or terminals. Every adapter passes the same contract tests (`test/launcher/contract.ts`).
 */

import type { LauncherCapabilities } from './capabilities.js'
import type { ResourceLimits, TreeLimits, WatchedUse } from './limits-port.js'
import type {
  JobserverEvents,
  JobserverSpec,
  LauncherJobserver,
  LauncherLock,
  LockOptions,
  SlotsClaim,
  SlotsEvents,
  SlotsSpec,
} from './shared-port.js'

export type * from './capabilities.js'
export type * from './limits-port.js'
export type * from './shared-port.js'

/** The streams that a process prints to. */
export type OutputStream = 'stdout' | 'stderr'

/** A stretch of a file: its first byte, from 0, and the one after its last. */
export type ByteRange = readonly [start: number, end: number]

/** Where a child's standard input comes from. */
export type StdinSpec =
  | { readonly from: 'null' }
  | { readonly from: 'bytes'; readonly bytes: Uint8Array | string }
  /**
   * All of a file; or parts of one, one after the other, each from its first byte to the one before its end: at most 64, of a regular
   * file, which has to stay as it is meanwhile. See {@link ChildEvents.onInputFailed}.
   */
  | { readonly from: 'file'; readonly path: string; readonly ranges?: readonly ByteRange[] | undefined }
  /** Fed with {@link Child.write} and {@link Child.endInput}. */
  | { readonly from: 'pipe' }
  | { readonly from: 'inherit' }

/** Where a child's output goes. Only `pipe` reaches {@link ChildEvents.onOutput}. */
export type OutputSpec =
  | { readonly to: 'pipe' }
  /** Read as fast as it comes, counted and dropped; {@link ChildEvents.onOutputCounted} tells how much it was. */
  | { readonly to: 'count' }
  | { readonly to: 'null' }
  | { readonly to: 'inherit' }
  | { readonly to: 'file'; readonly path: string; readonly append?: boolean }

/**
 * A descriptor that a child gets besides its streams, under the number `as` (3 to 1023).
 *
 * A path is opened as it is: neither created nor truncated, and without waiting, so that a named pipe opened for writing
 * only, which nobody reads, is an error (`ENXIO`). `inherited` is a descriptor that this process has open itself, as the
 * pipe of make's jobserver that it was started with. It must stay open until `onSpawn`. An adapter may open it anew: a pipe is
 * the same pipe then, a file is read from its beginning, and a socket is refused (`ENXIO`).
 */
export type DescriptorSpec =
  | { readonly as: number; readonly path: string; readonly mode: 'read' | 'write' | 'read-write' }
  | { readonly as: number; readonly inherited: number }

/** What a launcher is to start. */
export interface StartSpec {
  /** A program: a path, or a name that is looked up in the child's PATH. */
  readonly file: string | Uint8Array
  /** Arguments without the program's own name. */
  readonly args: readonly (string | Uint8Array)[]
  /** The working directory. Default: this process's. */
  readonly cwd?: string | undefined
  /** Differences to the parent's environment; `null` removes a variable. */
  readonly env?: Readonly<Record<string, string | Uint8Array | null>> | undefined
  /** Where its standard input comes from. */
  readonly stdin: StdinSpec
  /** Where its standard output goes. */
  readonly stdout: OutputSpec
  /** Where its standard error goes. */
  readonly stderr: OutputSpec
  /**
   * Names the run that the child belongs to, so that {@link Launcher.survivors} and {@link Launcher.signalScope} find
   * descendants that left the child's session. Letters, digits and `-`.
   */
  readonly scope: string
  /** Leave alone what the child leaves behind: neither {@link Launcher.close} nor the end of this Node process ends it. */
  readonly keepLeftovers?: boolean
  /**
   * Added to the launcher's niceness, from -20 to 19; the sum is cut to that range as well. Default: 0. A value below 0
   * is refused by the system to those without privileges (`EACCES`, `EPERM`). See {@link LauncherCapabilities.limits}.
   */
  readonly nice?: number | undefined
  /** Default: the parent's limits. See {@link LauncherCapabilities.limits}. */
  readonly limits?: ResourceLimits | undefined
  /** Default: none. See {@link LauncherCapabilities.limits}. */
  readonly treeLimits?: TreeLimits | undefined
  /**
   * For a child that is talked to for long, with a `pipe` for each stream: there may be nobody between its pipes and this process, if
   * that is possible, so that messages take less time. With `reusesChunks` a chunk of `stdout` is valid during the call only. Default: the
   * launcher reads and writes the pipes. See {@link ChildEvents} for what that changes.
   */
  readonly direct?: { readonly reusesChunks: boolean } | undefined
  /**
   * Folders of control groups that the child enters before it runs, one of each hierarchy; at most 8. Default: none, which is the parent's.
   * See {@link LauncherCapabilities.limits}.
   */
  readonly groups?: readonly string[] | undefined
  /** Default: none. At most 64; children get no other descriptors than these and their streams. */
  readonly descriptors?: readonly DescriptorSpec[] | undefined
  /** Files that go to the machine that it runs on, and come back, where that is another one; nothing is done with them where it is this one. */
  readonly files?: { readonly transfer: readonly string[]; readonly return: readonly string[] } | undefined
  /**
   * On another machine: it needs a place there, as many as {@link Child.leave} and the launcher's own account make free, and waits in line
   * for it over there. At its end its place goes to the next in line at once, always, only when its status is 0, or never before
   * {@link Child.leave}. Default: it needs none.
   */
  readonly place?: { readonly passedOn: 'always' | 'on-success' | 'never' } | undefined
  /** Which machine it is to run on, where a launcher has several, by the name that it knows it by. */
  readonly host?: string | undefined
}

/** Why a child could not be started. `code` is the system's, as in `ENOENT`, or one of drover's. */
export interface StartError {
  /** Stable. */
  readonly code: string
  /** For people. */
  readonly message: string
}

/** How a child ended, by itself or not. */
export interface ChildExit {
  /** Null where a signal ended it. */
  readonly exitCode: number | null
  /** Name, as in `SIGKILL`. */
  readonly signal: string | null
  /** Processor time outside the kernel, of all processes of it that were waited for; null where the adapter cannot know. */
  readonly cpuUserMs: number | null
  /** The same, within the kernel. */
  readonly cpuSystemMs: number | null
  /** Peak of the largest single process of it; null where the adapter cannot know. */
  readonly maxRssBytes: number | null
  /** Whether processes of the child's group may still be alive. False only when it is certain that there is none. */
  readonly groupAlive: boolean
  /** Milliseconds that it has lived, where they were measured on another machine. */
  readonly durationMs?: number | undefined
  /** What was to be done after it, and could not be, as to bring back its files. */
  readonly problem?: StartError | undefined
}

/**
 * What a launcher tells about one child. `onSpawnError` is the only call if the child did not start; else `onSpawn` is
 * first, then output in order, `onOutputEnd` once for each stream that is piped or counted, and exactly one of `onExit` and
 * `onLost` (but for a child on another machine: what it had printed may be lost on its way after `onExit`, and then `onLost` says so).
 * Output may go on after `onExit`, when descendants hold the pipe. No call is made from within {@link Launcher.start}.
 *
 * Of a child whose stdin is a `pipe`: what it wrote to stderr before it wrote something to stdout has been told, at the latest,
 * at the end of that turn of the event loop in which the latter is told; with {@link StartSpec.direct} at the end of the next one. Output that was
 * there when a `direct` child exited may be told after `onExit`.
 */
export interface ChildEvents {
  /** It has been started. @param agoMs - milliseconds since then, as far as they can be estimated, where it is on another machine. */
  onSpawn(pid: number, agoMs?: number): void
  /** It could not be started. */
  onSpawnError(error: StartError): void
  /** The chunk belongs to the receiver and is not reused. */
  onOutput(stream: OutputStream, chunk: Buffer): void
  /**
   * So many bytes more have come of a stream that is counted. What came while the child ran is told by `onExit` or, where
   * an adapter still has to read it, soon after; what comes after that at once; all of it before `onOutputEnd`.
   */
  onOutputCounted?(stream: OutputStream, bytes: number): void
  /** End of file, or after {@link Child.closeOutput}. */
  onOutputEnd(stream: OutputStream): void
  /** It has ended. */
  onExit(exit: ChildExit): void
  /** The launcher died under the child; what became of it is unknown and it is being ended. */
  onLost(error: StartError): void
  /** After {@link Child.takeBack}, and the only call then: it was not started, and will not be. */
  onTakenBack?(): void
  /** Of a child with {@link StartSpec.treeLimits}: it is beyond them; or, right before `onExit`, the most that was ever seen of it. */
  onUse?(use: WatchedUse): void
  /** After {@link Child.write} had returned false: there is room again. */
  onDrain?(): void
  /**
   * The parts of a file that were to be its standard input cannot be read, or the file ends before they do. The child has what came
   * before, and then an end that is none. Told before `onExit`, unless that comes first.
   */
  onInputFailed?(error: StartError): void
  /** Standard input is gone: the child closed it. What was written and not read is lost; that is no error by itself. */
  onInputClosed?(): void
}

/** One started (or starting) child: the handle to its streams and to its tree. */
export interface Child {
  /** Known after `onSpawn`. */
  readonly pid: number | null
  /** The machine that it runs on, where that is another one. */
  readonly host?: string | undefined
  /**
   * Only for stdin `pipe`. Several chunks go at once where that is possible. Returns false when the caller should wait for `onDrain`. Never
   * throws when the child is gone.
   */
  write(...chunks: readonly (Uint8Array | string)[]): boolean
  /**
   * Whether something that was given to {@link write} may still be needed, and so must not change; false only when it is certain that all
   * of it is in the child's pipe, or never will be. Where an adapter does not know: undefined.
   */
  readonly isHolding?: boolean | undefined
  /** Only for stdin `pipe`. Ends its standard input, when all that was written has been read. */
  endInput(): void
  /** Only for output to a `pipe`. Stops reading a stream, so that the child waits when its pipe is full; a few chunks may still arrive. */
  pauseOutput(stream: OutputStream): void
  /** Reads on after {@link pauseOutput}. */
  resumeOutput(stream: OutputStream): void
  /** Stops reading for good and closes the pipe; `onOutputEnd` follows. A descendant that writes to it gets SIGPIPE. */
  closeOutput(stream: OutputStream): void
  /** Lets the event loop end although the stream is open; it is drained as long as the loop lives. */
  releaseOutput(stream: OutputStream): void
  /**
   * Lets the event loop end although the child lives and its streams are open; when this process ends so does the child,
   * as always. Undone by {@link ref}.
   */
  unref(): void
  /** Keeps the event loop alive as long as the child lives or a stream is open, as a child does from the start. */
  ref(): void
  /** Asks that it not be started, if it still waits for its place; see {@link StartSpec.place} and {@link ChildEvents.onTakenBack}. */
  takeBack?(): void
  /** Others may have its place, if they have not got it yet: all is over that it stands for. */
  leave?(): void
  /**
   * Sends a signal to the child and to all its descendants that can be found: its group, its session, the tree below
   * it, and those that carry its mark. Resolves to how many processes were signalled; 0 when none is alive. Never rejects.
   */
  signalTree(signal: NodeJS.Signals): Promise<number>
  /** How many processes of the tree are alive (zombies are not), the child itself included. Never rejects. */
  countTree(): Promise<number>
}

/** Starts, watches and ends processes: the port that all adapters have. */
export interface Launcher {
  /** Which adapter it is. */
  readonly name: 'node' | 'native' | 'ssh'
  /** What it can do beyond the contract. */
  readonly capabilities: LauncherCapabilities
  /** Starts a child in a session of its own. Never throws for what the system refuses: that is `onSpawnError`. */
  start(spec: StartSpec, events: ChildEvents): Child
  /** How many processes that were started under the scope, or descend from one, are alive. Never rejects. */
  survivors(scope: string): Promise<number>
  /** Signals all of them; resolves to how many. Never rejects. */
  signalScope(scope: string, signal: NodeJS.Signals): Promise<number>
  /**
   * Takes the kernel's lock on a file, which is created when it is not there (for the owner only), holds the pid of this
   * process while it is locked, and is not removed. Everybody else is kept out, this process included, until it is released or
   * this process has ended, however it ends. Present where {@link LauncherCapabilities.locks}.
   *
   * Rejects with a DroverError: `ERR_DROVER_LOCKED` when somebody else has it and it was not to wait (the message names the
   * pid); the system's code when the file cannot be locked; `ERR_DROVER_LAUNCHER`, `ERR_DROVER_LAUNCHER_DIED` or
   * `ERR_DROVER_CLOSED` when there is no launcher, or not any more. When aborted it rejects with the reason of the signal.
   */
  readonly lock?: ((path: string, options?: LockOptions) => Promise<LauncherLock>) | undefined
  /**
   * Opens a jobserver. Present where {@link LauncherCapabilities.jobservers}. Rejects with a DroverError: the system's code when it cannot be
   * opened; `ERR_DROVER_LAUNCHER`, `ERR_DROVER_LAUNCHER_DIED` or `ERR_DROVER_CLOSED` when there is no launcher, or not any more.
   */
  readonly openJobserver?: ((spec: JobserverSpec, events: JobserverEvents) => Promise<LauncherJobserver>) | undefined
  /**
   * Waits for slots that unrelated processes share, and holds them until they are given back or this process and all that the launcher
   * started have ended. No call is made from within it. Present where {@link LauncherCapabilities.slots}.
   */
  readonly takeSlots?: ((spec: SlotsSpec, events: SlotsEvents) => SlotsClaim) | undefined
  /**
   * Sends a datagram to a unix socket, which Node cannot: to its path, or to the name after an `@`. Where the system allows it
   * (to root) it comes as from this process, else as from the launcher, which is a child of it.
   *
   * Rejects with a DroverError whose code is the system's, as in `ENOENT`, or as with {@link lock}.
   */
  readonly sendDatagram?: ((path: string, message: string) => Promise<void>) | undefined
  /**
   * Has a pipe that is this process's standard input hold as much as the system allows, up to 1 MiB, for who reads very much of it. Does nothing
   * where that cannot be. Present where the launcher has inherited it.
   */
  readonly widenInput?: (() => void) | undefined
  /** This process is about to be stopped for an unknown time, or goes on: what is over there is not to take it for dead meanwhile. */
  readonly expectSilence?: ((silent: boolean) => void) | undefined
  /** Ends everything that is left of every scope with KILL (but for kept leftovers), and gives back what the launcher holds. */
  close(): Promise<void>
}
