import type { AsyncResource } from 'node:async_hooks'
import type { Result } from '../task/result.js'
import type { Entry } from './entry.js'

/** Where a scheduler gets its tasks and tells its results. */
export interface SchedulerSide {
  /** The asynchronous context that tasks are added in, where it is not that of the call. */
  readonly origin: AsyncResource | null
  /**
   * Called when there is a free slot and nothing waits; more may be handed to `enqueue`, at once or later. Says whether
   * something has come at once, be it one that needs not be run.
   */
  wantMore(): boolean
  /** Whether nothing more can come. */
  readonly exhausted: boolean
  /** Whether all there was has come, and nothing was left unread. */
  readonly allRead: boolean
  /** How many tasks there are in all, as soon as it is known. */
  readonly total: number | null
  /** Whether another result could be taken in; a start is only made when it could. */
  hasRoom(unannounced: number): boolean
  /** How many tasks wait, at the least, before one is started while more can come. */
  readonly lookahead: number
  announce(entry: Entry, result: Result): void
  onStart(entry: Entry): void
  onAttempt(result: Result): void
  /** Nothing runs, nothing waits, nothing comes. Called again whenever that is so again. */
  onIdle(): void
}
