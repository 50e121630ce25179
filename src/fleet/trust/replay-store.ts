/**
 * Remembers which signed tasks have a final result, for all workers of a queue. A mark stands for one signing of one task: the same
 * task signed anew has another.
 *
 * A task that has no final result is never in it. So a job whose worker died is run again, as often as the queue hands it out,
 * until a result is recorded; only then is each further copy of it a replay.
 */
export interface ReplayStore {
  /** Whether the mark was added. */
  has(mark: Buffer, expiresAtMs: number): Promise<boolean>
  /** Remembers the mark until the signature has expired on every clock that is at most {@link MAX_SKEW_MS} behind. */
  add(mark: Buffer, expiresAtMs: number): Promise<void>
}

/** The largest difference of clocks that can be allowed for: an hour. */
export const MAX_SKEW_MS = 60 * 60 * 1000
