import { basename } from 'node:path'
import type { ControlHooks } from '../dispatch/dispatch-options.js'
import type { Progress } from '../dispatch/progress.js'
import type { Steering } from '../dispatch/steering.js'
import type { ResultError } from '../task/result.js'
import type { Controlled } from './controlled.js'
import type { LiveRun } from './protocol.js'

/** A dispatcher, or one run of `dispatch()`. */
export interface RunToSteer {
  readonly run: string
  concurrency: number
  readonly steering: Steering
  progress(): Progress
  halt(when: 'soon' | 'now', reason?: ResultError): void
}

/** What can be seen of a run from elsewhere, and done to it. */
export function runControl(run: RunToSteer, hooks: ControlHooks, startedAt: Date): Controlled {
  const { steering } = run
  const tell = (what: string) => hooks.onSteered?.(what)
  return {
    run: run.run,
    status: () => ({
      ...processOf(startedAt),
      run: run.run,
      kind: hooks.kind ?? 'run',
      paused: steering.paused,
      jobs: finite(hooks.jobs?.get() ?? run.concurrency),
      progress: run.progress(),
    }),
    tasks: () => steering.tasks(),
    cancel: () => {
      if (hooks.cancel !== undefined) return hooks.cancel()
      run.halt('now', { code: 'ERR_DROVER_CANCELLED', message: 'the run was cancelled' })
    },
    cancelTask: (which) => {
      const task = steering.cancel(which)
      tell(`task ${task.id ?? task.index + 1} is cancelled`)
      return task
    },
    follow: (which, follower) => steering.follow(which, follower),
    pause: () => {
      steering.pause()
      tell('paused: what runs goes on, nothing more is started')
    },
    resume: () => {
      steering.unpause()
      tell('resumed')
    },
    setJobs: (jobs) => {
      if (hooks.jobs === undefined) run.concurrency = jobs
      else hooks.jobs.set(jobs)
      tell(`${jobs} ${jobs === 1 ? 'job' : 'jobs'} at once from now on`)
    },
  }
}

/** What is the same for all that goes on in this process. */
export function processOf(startedAt: Date): Pick<LiveRun, 'pid' | 'cwd' | 'command' | 'startedAt'> {
  const [program, script, ...args] = process.argv
  const { pid } = process
  const name = basename(script ?? program ?? 'node').replace(/\.[cm]?js$/, '')
  return { pid, cwd: process.cwd(), command: [name, ...args], startedAt: startedAt.toISOString() }
}

/** JSON has no infinity. */
export function finite(jobs: number): number | null {
  return Number.isFinite(jobs) ? jobs : null
}
