import type { Launcher } from '../launcher/port.js'
import { pollUntil } from './end-tree.js'

export interface SweepOptions {
  readonly graceMs: number
  /** Ends the grace early. */
  readonly hurry: AbortSignal
  /** False as soon as something new has been started under the scope: then nothing of it may be ended any more. */
  readonly isOver: () => boolean
}

/**
 * Ends what is left of a run when all of its tasks are done: processes that left their task's tree and came to light only
 * now. TERM, grace, KILL.
 */
export async function sweep(
  launcher: Launcher,
  scope: string,
  { graceMs, hurry, isOver }: SweepOptions,
): Promise<void> {
  const isDone = async () => (await launcher.survivors(scope)) === 0 || !isOver()
  if (await isDone()) return
  if (graceMs > 0 && !hurry.aborted) {
    await launcher.signalScope(scope, 'SIGTERM')
    if (!isOver()) return
    await launcher.signalScope(scope, 'SIGCONT')
    if (await pollUntil(graceMs, hurry, isDone)) return
  }
  await pollUntil(graceMs + 5_000, undefined, async () => {
    return !isOver() || (await launcher.signalScope(scope, 'SIGKILL')) === 0
  })
}
