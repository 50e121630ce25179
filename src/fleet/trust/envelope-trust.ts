import type { ResultError } from '../../task/result.js'
import type { TaskEnvelope } from '../task-envelope.js'
import type { EnvelopeSigner, EnvelopeVerifier, TaskPlace } from '../trust.js'
import type { TaskSigner } from './task-signer.js'
import type { Acceptance, TaskVerifier } from './task-verifier.js'

/** Signs all of an envelope. */
export function signedEnvelopes(signer: TaskSigner): EnvelopeSigner {
  return {
    sign: (envelope, { jobId }) => signer.sign({ run: envelope.run, jobId, content: contentOf(envelope) }),
  }
}

/** Accepts envelopes that were signed. */
export class SignedEnvelopes implements EnvelopeVerifier {
  readonly #verifier: TaskVerifier
  readonly #accepted = new WeakMap<TaskEnvelope, Acceptance>()

  constructor(verifier: TaskVerifier) {
    this.#verifier = verifier
  }

  /** Null for one that may be run; else the error for its result, `ERR_DROVER_REFUSED`, whose message begins with the reason. */
  async verify(envelope: TaskEnvelope, { jobId }: TaskPlace): Promise<ResultError | null> {
    const verdict = await this.#verifier.verify({ jobId, content: contentOf(envelope), signature: envelope.proof })
    if (!verdict.accepted) return { code: 'ERR_DROVER_REFUSED', message: `${verdict.reason}: ${verdict.message}` }
    this.#accepted.set(envelope, verdict)
    return null
  }

  /**
   * To be called when the final result of an envelope that was accepted has been recorded by the queue: from then on its like is refused
   * as replayed.
   *
   * @param envelope - the same object that was verified.
   */
  async recorded(envelope: TaskEnvelope): Promise<void> {
    const acceptance = this.#accepted.get(envelope)
    if (acceptance !== undefined) await this.#verifier.finished(acceptance)
  }
}

function contentOf({ proof: _, ...content }: TaskEnvelope): Omit<TaskEnvelope, 'proof'> {
  return content
}
