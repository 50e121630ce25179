import { randomBytes } from 'node:crypto'
import { checkDuration } from '../../process/process-options.js'
import { OptionError } from '../../task/errors.js'
import { type SignedClaims, type SignedJob, signedMessage, type TaskSignature } from './signed-task.js'
import type { TrustKey } from './trust-key.js'

/** What signs, and for which queue. */
export interface TaskSignerOptions {
  /** The first of them that can sign does. */
  readonly keys: readonly TrustKey[]
  /** The queue that the tasks are for, by the name that its workers use. */
  readonly queue: string
  /** Milliseconds from signing for which a task may be started. Default: 7 days. At most 24 days. */
  readonly lifetimeMs?: number | undefined
}

const DAY_MS = 24 * 60 * 60 * 1000

/** Signs tasks for one queue. */
export class TaskSigner {
  /** The id of the key that signs. */
  readonly keyId: string
  /** Milliseconds from signing for which a task may be started. */
  readonly lifetimeMs: number
  readonly #queue: string
  readonly #sign: (message: Buffer) => Buffer

  /** @throws OptionError when no key can sign. */
  constructor({ keys, queue, lifetimeMs = 7 * DAY_MS }: TaskSignerOptions) {
    const key = keys.find((each) => each.sign !== null)
    if (key === undefined)
      throw new OptionError('only public keys were given, which cannot sign; give the private key or the secret')
    this.keyId = key.id
    this.lifetimeMs = checkDuration('lifetimeMs', lifetimeMs)
    this.#queue = queue
    this.#sign = key.sign!
  }

  /**
   * Signs a job. The content must be JSON, and reach the worker as it is; the signature goes beside it.
   *
   * @throws OptionError for a content that JSON has no form for.
   */
  sign({ run, jobId, content }: SignedJob & { readonly run: string }): TaskSignature {
    const claims: SignedClaims = {
      version: 1,
      key: this.keyId,
      queue: this.#queue,
      run,
      job: jobId,
      expires: Math.round(Date.now() + this.lifetimeMs),
      nonce: randomBytes(16).toString('hex'),
    }
    let message: Buffer
    try {
      message = signedMessage(claims, content)
    } catch (error) {
      throw new OptionError(`job ${jobId} cannot be signed: ${(error as Error).message}`)
    }
    return { ...claims, signature: this.#sign(message).toString('base64url') }
  }
}
