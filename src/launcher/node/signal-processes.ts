/** Signals each process; returns how many took it. Those that have ended meanwhile, or are not ours, do not count. */
export function signalProcesses(pids: readonly number[], signal: NodeJS.Signals | 0): number {
  let signalled = 0
  for (const pid of pids) if (signalProcess(pid, signal)) signalled += 1
  return signalled
}

/** @param pid - a process, or a process group as its negated number. */
export function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    return false
  }
}
