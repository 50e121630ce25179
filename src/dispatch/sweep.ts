import type { Launcher } from '../launcher/port.js'
import { pollUntil } from '../process/end-tree.js'

/**
 * Ends what is left of a run when all of its tasks are done: processes that left their task's tree and came to light only
 * now. TERM, grace, KILL.
 */
export async function sweep(launcher: Launcher, scope: string, graceMs: number, hurry: AbortSignal): Promise<void> {
  const isEmpty = async () => (await launcher.survivors(scope)) === 0
  if (await isEmpty()) return
  if (graceMs > 0 && !hurry.aborted) {
    await launcher.signalScope(scope, 'SIGTERM')
    await launcher.signalScope(scope, 'SIGCONT')
    if (await pollUntil(graceMs, hurry, isEmpty)) return
  }
  await pollUntil(graceMs + 5_000, undefined, async () => (await launcher.signalScope(scope, 'SIGKILL')) === 0)
}
