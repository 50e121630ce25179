/** What a launcher holds for this process and other processes share: locks, jobservers and slots. A part of the port. */
import type { StartError } from './port.js'

/** How a lock is taken. All of it is optional. */
export interface LockOptions {
  /** Whether others may hold it at the same time who also want it shared. Default: false. */
  readonly shared?: boolean | undefined
  /** Whether to wait until it is free, in turn with others of this launcher that wait for the file. Default: false. */
  readonly wait?: boolean | undefined
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined
}

/** A lock that the launcher holds for this process. It does not keep the event loop alive. */
export interface LauncherLock {
  /** Absolute. */
  readonly path: string
  /** Aborted when the lock was lost without {@link release}, because the launcher died or was closed. */
  readonly lost: AbortSignal
  /** Gives it back; resolves when others can have it. Never rejects, and does nothing the second time. */
  release(): Promise<void>
  /** {@link release}. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * A jobserver as GNU make has them: a pipe with a byte, a token, for each job that may run besides the one that every process has
 * anyway. `fifo` is a named pipe; with `create` it is made, for its owner only, and removed in the end. `read` and `write` are descriptors
 * that this process has inherited; they are opened anew and stay as they are.
 */
export type JobserverSpec = (
  | { readonly fifo: string; readonly create?: boolean }
  | { readonly read: number; readonly write: number }
) & {
  /** Whether the event loop is kept alive while tokens are wanted. Default: true. */
  readonly keepsAlive?: boolean
}

/** What a jobserver tells. */
export interface JobserverEvents {
  /** The tokens that were wanted, as many as that; nothing is wanted any more. */
  onTokens(tokens: Buffer): void
  /** It cannot be read, or the launcher is gone; what was taken has been given back. Nothing is told any more. */
  onLost(error: StartError): void
}

/**
 * A jobserver that the launcher takes tokens from for this process. What was taken and not given back is given back when this
 * process or the launcher ends, however that comes. It does not keep the event loop alive, but while tokens are wanted, if so asked.
 */
export interface LauncherJobserver {
  /** Waits for so many tokens, all of them or none; replaces what was wanted before. 0 is nothing; tokens may still be on their way then. */
  want(count: number): void
  /** Puts tokens into it: those that were taken, or, into one's own, new ones. */
  give(tokens: Uint8Array): void
  /** Only for one's own: drops what is in it, and what is on its way here. */
  drain(): void
  /** Gives back what was taken; resolves when that is so, also after the launcher has died. Never rejects. */
  close(): Promise<void>
}

/** Which slots are wanted of those that unrelated processes share; see `docs/slots.md`. */
export interface SlotsSpec {
  /** Absolute; it must be there. */
  readonly folder: string
  /** How many, all of them or none; more than there are is all there are. From 1 to 4,096. */
  readonly weight: number
  /** How many there are, where the folder does not say. */
  readonly limit: number
  /** What people are told of who holds them. */
  readonly label: string
  /** Whether the event loop is kept alive while they are waited for. Default: true. */
  readonly keepsAlive?: boolean
}

/** What slots that are waited for tell. */
export interface SlotsEvents {
  /** They are held, so many. */
  onTaken(count: number): void
  /** They cannot be had, or are lost, because the launcher is gone. Nothing is told any more. */
  onFailed(error: StartError): void
}

/** Slots that the launcher holds for this process, or waits for. */
export interface SlotsClaim {
  /** Gives them back, or waits no more; resolves when others can have them. Never rejects. */
  give(): Promise<void>
}
