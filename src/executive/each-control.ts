import { processOf } from '../control/run-control.js'
import { LateSocket } from '../control/run-socket.js'
import type { Progress } from '../dispatch/progress.js'
import { RESULT_STATES, type ResultState } from '../task/result.js'
import { uniqueId } from '../task/unique-id.js'
import type { DaemonRounds } from './daemon-rounds.js'
import type { ForEachRun } from './for-each-run.js'

type ByState = Readonly<Record<ResultState, number>>
type Seen = Pick<ForEachRun, 'concurrency' | 'paused' | 'progress' | 'halt'>

/** Lets a run over items be seen and steered from elsewhere. */
export function forEachSocket(seen: Seen): LateSocket {
  const run = uniqueId()
  return new LateSocket((startedAt) => {
    return {
      run,
      status: () => {
        const { total, byState } = seen.progress()
        const progress = progressOf(byState, total - doneOf(byState))
        return { ...processOf(startedAt), run, kind: 'for-each', paused: seen.paused, jobs: seen.concurrency, progress }
      },
      cancel: () => seen.halt('now', CANCELLED),
      pause: () => {
        seen.paused = true
      },
      resume: () => {
        seen.paused = false
      },
      setJobs: (jobs) => {
        seen.concurrency = jobs
      },
    }
  }, undefined)
}

/** The same for a daemon. To cancel it drains it, as TERM does, and a second time ends what is being handled. */
export function daemonSocket(rounds: DaemonRounds<unknown, unknown>): LateSocket {
  const run = uniqueId()
  let times = 0
  return new LateSocket((startedAt) => {
    return {
      run,
      status: () => ({
        ...processOf(startedAt),
        ...{ run, kind: 'daemon', paused: rounds.paused, jobs: rounds.concurrency },
        progress: progressOf(rounds.byState, rounds.inHand),
      }),
      cancel: () => {
        times += 1
        rounds.end('SIGTERM', times === 1 ? 'drain' : times === 2 ? 'now' : 'at once', CANCELLED)
      },
      pause: () => {
        rounds.paused = true
      },
      resume: () => {
        rounds.paused = false
      },
      setJobs: (jobs) => rounds.setConcurrency(jobs),
    }
  }, undefined)
}

const CANCELLED = { code: 'ERR_DROVER_CANCELLED', message: 'it was cancelled' }

/** How many items there will be nobody knows. */
function progressOf(byState: ByState, running: number): Progress {
  const done = doneOf(byState)
  return { total: null, queued: 0, running, done, alreadyDone: 0, byState, ratePerSecond: null, etaMs: null }
}

function doneOf(byState: ByState): number {
  return RESULT_STATES.reduce((sum, state) => sum + byState[state], 0)
}
