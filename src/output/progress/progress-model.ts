import { nameOf, type ProgressRecord } from './progress-record.js'
import type { ProgressState, RunningTask, ShownRun } from './progress-state.js'
import { failuresIn } from './progress-words.js'

/** What people and keys have made of what is shown. */
export type ShownPhase = Pick<ProgressState, 'notice' | 'help'> & { readonly isStopping: boolean }

/** How many tasks are looked at, since no more are shown. */
export const MOST_RUNNING = 8
/** What has run less than this is gone before it is read. */
const LEAST_RUNNING_MS = 500
/** From here on it is told of as unusual. */
const UNUSUAL = { times: 3, elapsedMs: 2_000 }

/** All that is shown of a run at this moment; costs the same however many tasks there are. */
export function progressState(run: ShownRun, record: ProgressRecord, shown: ShownPhase): ProgressState {
  const { total, running, queued, done, alreadyDone = 0, byState, ratePerSecond, etaMs } = run.progress()
  const { usualMs } = record
  const finished = done + alreadyDone
  return {
    total,
    done: finished,
    failed: failuresIn(byState),
    running,
    // Most tasks are only read when their turn has come.
    queued: total === null ? queued : Math.max(queued, total - finished - running),
    ratePerSecond,
    etaMs,
    phase: shown.isStopping || run.steering.stopped === true ? 'stopping' : run.steering.paused ? 'paused' : 'going',
    longest: run.steering
      .tasks(MOST_RUNNING)
      .filter(({ state, durationMs }) => state === 'running' && durationMs >= LEAST_RUNNING_MS)
      .map((task) => runningTask(nameOf(task), task.command, task.durationMs, usualMs)),
    failures: record.failures(),
    notice: shown.notice,
    help: shown.help,
  }
}

function runningTask(name: string, command: string, elapsedMs: number, usualMs: number | null): RunningTask {
  const times = usualMs === null ? 0 : elapsedMs / Math.max(usualMs, 1)
  const isUnusual = times >= UNUSUAL.times && elapsedMs >= UNUSUAL.elapsedMs
  return { name, command, elapsedMs, timesUsual: isUnusual ? times : null }
}
