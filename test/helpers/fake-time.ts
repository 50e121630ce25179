import { vi } from 'vitest'

const realImmediate = setImmediate

/** Lets promises and ticks that are due run, in real time. */
export async function flush(): Promise<void> {
  for (let n = 0; n < 3; n++) await new Promise<void>((resolve) => realImmediate(resolve))
}

/**
 * Runs something under timers that are turned on by hand, from one to the next, so that hours pass in no time.
 *
 * @throws when it hangs: nothing is due any more and it has not ended, or it goes on and on.
 */
export async function inFakeTime<T>(work: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] })
  try {
    let over = false
    const done = work().finally(() => {
      over = true
    })
    done.catch(() => {})
    for (let steps = 0; ; steps++) {
      await flush()
      if (over) return await done
      if (vi.getTimerCount() === 0) throw new Error('it hangs: nothing is due and it has not ended')
      if (steps > 50_000) throw new Error('it does not end')
      vi.advanceTimersToNextTimer()
    }
  } finally {
    vi.useRealTimers()
  }
}

const pending = new Set<NodeJS.Timeout>()

/** Resolves after a while of whatever time it is. */
export function elapse(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      pending.delete(timer)
      resolve()
    }, ms)
    pending.add(timer)
  })
}

/** How many timers are left that are none of {@link elapse}; those of it are dropped. */
export function foreignTimers(): number {
  for (const timer of pending) clearTimeout(timer)
  pending.clear()
  return vi.getTimerCount()
}

/** Collects promises that were rejected and that nobody looked at, while the work is done. */
export async function unhandledDuring(work: () => Promise<unknown>): Promise<unknown[]> {
  const found: unknown[] = []
  const note = (reason: unknown) => found.push(reason)
  process.on('unhandledRejection', note)
  try {
    await work()
    await flush()
  } finally {
    process.removeListener('unhandledRejection', note)
  }
  return found
}
