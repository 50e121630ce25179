import type { ResultError } from '../task/result.js'
import type { TaskEnvelope } from './task-envelope.js'

/** Where a task stands in the queue. A signature covers it, so that a task cannot be moved to another place. */
export interface TaskPlace {
  /** The queue's name. */
  readonly queue: string
  /** The id of the job that the task is. */
  readonly jobId: string
}

/** Signs tasks before they are submitted. */
export interface EnvelopeSigner {
  /**
   * Gives what is put into the envelope as `proof`; any JSON.
   *
   * @param envelope - as it is submitted, without a proof.
   */
  sign(envelope: TaskEnvelope, place: TaskPlace): unknown
}

/** Looks at tasks before they are run. */
export interface EnvelopeVerifier {
  /** Says why a task must not be run, which it then is not: its result is `invalid` with this error. Null lets it run. */
  verify(envelope: TaskEnvelope, place: TaskPlace): ResultError | null | Promise<ResultError | null>
  /** Told of an envelope that was let run when the queue has its final result. Default: nothing is. */
  recorded?(envelope: TaskEnvelope): void | Promise<void>
}
