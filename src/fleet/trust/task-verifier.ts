import { OptionError } from '../../task/errors.js'
import { noRefusals, type RefusalCounts, type RefusalReason } from './refusals.js'
import { MAX_SKEW_MS, type ReplayStore } from './replay-store.js'
import { markOf, readSignature, type SignedJob, signedMessage } from './signed-task.js'
import type { TrustKey } from './trust-key.js'

/** Whom to trust, and for which queue. */
export interface TaskVerifierOptions {
  /** What any one of them signed is accepted. */
  readonly keys: readonly TrustKey[]
  /** The queue whose tasks are accepted, by the name that was signed. */
  readonly queue: string
  /** Which tasks have a final result. */
  readonly replays: ReplayStore
  /** Milliseconds by which a task may have expired all the same, since clocks differ. Default: 1 minute; at most 1 hour. */
  readonly clockSkewMs?: number | undefined
  /** The clock: milliseconds since 1970. Default: the system's. */
  readonly now?: (() => number) | undefined
}

/** A task that may be run. */
export interface Acceptance {
  /** It may. */
  readonly accepted: true
  /** The id of its run. */
  readonly run: string
  /** Until when it may be started: milliseconds since 1970. */
  readonly expiresAtMs: number
  /** By what this signing of this task is known again. */
  readonly mark: Buffer
}

/** A task that must not be run. */
export interface Refusal {
  /** It must not. */
  readonly accepted: false
  /** Stable. */
  readonly reason: RefusalReason
  /** The reason in words, without anything secret. */
  readonly message: string
}

/** Decides for one queue which tasks may be run, and counts those that may not. */
export class TaskVerifier {
  readonly #keys: ReadonlyMap<string, TrustKey>
  readonly #queue: string
  readonly #replays: ReplayStore
  readonly #clockSkewMs: number
  readonly #now: () => number
  readonly #refused = noRefusals()

  /** @throws OptionError when there is no key, or for a `clockSkewMs` that is none. */
  constructor({ keys, queue, replays, clockSkewMs = 60_000, now = Date.now }: TaskVerifierOptions) {
    if (keys.length === 0) throw new OptionError('keys: expected at least one key to verify signatures with')
    if (!(clockSkewMs >= 0 && clockSkewMs <= MAX_SKEW_MS))
      throw new OptionError(`clockSkewMs: expected milliseconds from 0 to ${MAX_SKEW_MS}, not ${String(clockSkewMs)}`)
    this.#keys = new Map(keys.map((key) => [key.id, key]))
    this.#queue = queue
    this.#replays = replays
    this.#clockSkewMs = clockSkewMs
    this.#now = now
  }

  /** How many tasks this verifier has refused, by reason. */
  get refused(): RefusalCounts {
    return { ...this.#refused }
  }

  /**
   * Whether a job may be run. To be asked each time that the queue hands it out, before anything of it is used.
   *
   * @param signature - as it was found beside the content, whatever it is.
   * @throws what the {@link ReplayStore} throws, as a rejection; the job must not be run then, and be given back.
   */
  async verify(job: SignedJob & { readonly signature: unknown }): Promise<Acceptance | Refusal> {
    const verdict = this.#judge(job)
    if (verdict.accepted && (await this.#replays.has(verdict.mark, verdict.expiresAtMs)))
      return this.#refuse('replayed', `job ${job.jobId} already has a final result; to run it again, submit it again`)
    return verdict
  }

  /**
   * To be called when the final result of a job has been recorded, and not before: from then on it is refused as replayed. One whose
   * worker dies in between is run again.
   *
   * @throws what the {@link ReplayStore} throws, as a rejection.
   */
  async finished({ mark, expiresAtMs }: Acceptance): Promise<void> {
    await this.#replays.add(mark, expiresAtMs)
  }

  #judge({ jobId, content, signature }: SignedJob & { readonly signature: unknown }): Acceptance | Refusal {
    if (signature === undefined || signature === null)
      return this.#refuse('unsigned', `job ${jobId} has no signature; submit it with --key`)
    const read = readSignature(signature)
    if (read === null)
      return this.#refuse('altered', `job ${jobId} has a signature that is damaged or of another version`)
    const { claims } = read
    const key = this.#keys.get(claims.key)
    if (key === undefined) {
      const known = [...this.#keys.keys()].join(', ')
      return this.#refuse(
        'unknown-key',
        `job ${jobId} was signed with a key that is not known here; known are ${known}`,
      )
    }
    const message = messageOrNull(() => signedMessage(claims, content))
    if (message === null || !key.verify(message, read.signature))
      return this.#refuse('altered', `job ${jobId} is not what was signed`)
    if (claims.queue !== this.#queue)
      return this.#refuse('wrong-queue', `job ${jobId} was signed for the queue ${JSON.stringify(claims.queue)}`)
    if (claims.job !== jobId)
      return this.#refuse('wrong-job', `job ${jobId} has the signature of job ${JSON.stringify(claims.job)}`)
    if (this.#now() > claims.expires + this.#clockSkewMs)
      return this.#refuse('expired', `job ${jobId} was to be started before ${timeText(claims.expires)}`)
    return { accepted: true, run: claims.run, expiresAtMs: claims.expires, mark: markOf(message) }
  }

  #refuse(reason: RefusalReason, message: string): Refusal {
    this.#refused[reason] += 1
    return { accepted: false, reason, message }
  }
}

/** What is nested too deep to be signed was not signed. */
function messageOrNull(make: () => Buffer): Buffer | null {
  try {
    return make()
  } catch {
    return null
  }
}

function timeText(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString()
}
