import type { QueueChoice } from '../open-queue.js'
import { addressOf } from '../open-queue.js'
import { SignedEnvelopes, signedEnvelopes } from './envelope-trust.js'
import { openReplayStore } from './open-replay-store.js'
import type { RefusalCounts } from './refusals.js'
import { TaskSigner } from './task-signer.js'
import { TaskVerifier } from './task-verifier.js'
import type { TrustKey } from './trust-key.js'

/** How strictly tasks are looked at. All of it is optional. */
export interface TrustOptions {
  /** Milliseconds by which a task may have expired all the same, since clocks differ. Default: 1 minute; at most 1 hour. */
  readonly clockSkewMs?: number | undefined
}

/** What a worker needs to run signed tasks only. */
export interface OpenTrust extends AsyncDisposable {
  /** For the option `verifier` of `work()`. */
  readonly verifier: SignedEnvelopes
  /** How many tasks were refused so far, by reason. */
  refused(): RefusalCounts
  /** Ends the connection to the server. */
  close(): Promise<void>
}

/**
 * Opens what it takes to look at the tasks of a queue.
 *
 * @example
 * const trust = await openTrust(queue, readKeyFiles(['fleet.pub']))
 * const worker = await work({ queue, verifier: trust.verifier })
 * @throws (as a rejection) OptionError where there is no key, or for an address that is none; QueueError when a package is missing.
 */
export async function openTrust(
  queue: QueueChoice,
  keys: readonly TrustKey[],
  { clockSkewMs }: TrustOptions = {},
): Promise<OpenTrust> {
  const address = addressOf(queue)
  const replays = await openReplayStore(address)
  let verifier: TaskVerifier
  try {
    verifier = new TaskVerifier({ keys, queue: address.queue, replays, clockSkewMs })
  } catch (error) {
    await replays.close()
    throw error
  }
  const close = () => replays.close()
  return {
    verifier: new SignedEnvelopes(verifier),
    refused: () => verifier.refused,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * What signs the tasks that `submit()` puts into a queue: its option `signer`.
 *
 * @param lifetimeMs - milliseconds from now on for which a task may be started. Default: 7 days.
 * @throws OptionError when no key can sign, or for an address that is none.
 */
export function taskSigner(queue: QueueChoice, keys: readonly TrustKey[], lifetimeMs?: number) {
  return signedEnvelopes(new TaskSigner({ keys, queue: addressOf(queue).queue, lifetimeMs }))
}
