import type { Child } from '../launcher/port.js'

/** What descends from a child, itself included. */
export type Tree = Pick<Child, 'signalTree' | 'countTree'>

/** How long KILL is repeated before a process that does not go (state D) is given up. */
const GIVE_UP_MS = 10_000

export interface EndTreeOptions {
  /** Milliseconds between TERM and KILL; 0 sends KILL at once. */
  readonly graceMs: number
  /** Whether the child's own process has ended; as long as it has not, there is no need to look for the others. */
  readonly hasExited: () => boolean
  /** Ends the grace early. */
  readonly hurry?: AbortSignal
}

/**
 * Ends a child and everything that descends from it: TERM (and CONT, so that stopped processes act on it), a grace, then
 * KILL until nothing is left. Resolves to how many processes could not be ended, 0 but for processes in state D or of
 * other users. Never rejects.
 */
export async function endTree(child: Tree, options: EndTreeOptions): Promise<number> {
  const { graceMs, hasExited, hurry } = options
  if (graceMs > 0 && hurry?.aborted !== true) {
    // A launcher may look at a list of processes that is some milliseconds old, and in which the child is not yet.
    if ((await child.signalTree('SIGTERM')) === 0 && hasExited()) return 0
    await child.signalTree('SIGCONT')
    const left = await pollUntil(graceMs, hurry, async () => hasExited() && (await child.countTree()) === 0)
    if (left) return 0
  }
  let survivors = await child.signalTree('SIGKILL')
  if (survivors === 0) return 0
  await pollUntil(GIVE_UP_MS, undefined, async () => {
    survivors = await child.signalTree('SIGKILL')
    return survivors === 0
  })
  return survivors
}

/** Looks again and again, at growing intervals of 2 to 50 ms, until it is so. False when the time is over or in a hurry. */
export async function pollUntil(
  limitMs: number,
  hurry: AbortSignal | undefined,
  isSo: () => Promise<boolean>,
): Promise<boolean> {
  const end = performance.now() + limitMs
  for (let pauseMs = 2; ; pauseMs = Math.min(50, pauseMs * 1.5)) {
    if (await isSo()) return true
    const left = end - performance.now()
    if (left <= 0 || hurry?.aborted === true) return false
    await pause(Math.min(pauseMs, left), hurry)
  }
}

function pause(ms: number, hurry: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      hurry?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    hurry?.addEventListener('abort', done)
  })
}
