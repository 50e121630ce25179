import { DroverError } from '../task/errors.js'
import { describeCommand, describeMessage } from '../task/task.js'
import type { Entry } from './entry.js'
import { type OutputFollower, RecentOutput } from './recent-output.js'
import type { Scheduler } from './scheduler.js'

/** A task that runs, or waits between two attempts or for a machine. */
export interface LiveTask {
  /** Position in the input, from 0. */
  readonly index: number
  /** The user's name for it; null when it has none. */
  readonly id: string | null
  /** Whether an attempt runs, or another is waited for. */
  readonly state: 'running' | 'waiting'
  /** Which try it is in, or was last. */
  readonly attempt: number
  /** How many tries are allowed. */
  readonly attempts: number
  /** Of its process; null while it waits, and where it has none of its own. */
  readonly pid: number | null
  /** Milliseconds since this attempt was started; 0 while it waits. */
  readonly durationMs: number
  /** What it runs, or the message that a worker of a pool has, for people. */
  readonly command: string
}

/** What is told when one begins to follow a task's output. */
export interface Followed {
  /** The task, as it was at that moment. */
  readonly task: LiveTask
  /** How much of the beginning is not kept any more. */
  readonly droppedBytes: number
  /** Follows it no more. */
  readonly stop: () => void
}

/** Looks at the tasks of a run that goes on, and at single ones among them. */
export class Steering {
  readonly #scheduler: Scheduler

  /** @internal */
  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  /** Whether nothing is started at the moment because {@link pause} was called. */
  get paused(): boolean {
    return this.#scheduler.paused
  }

  /** Whether nothing will be started any more, since the run was halted, by a rule or by a call. */
  get stopped(): boolean {
    return this.#scheduler.stopped
  }

  /** Starts nothing more, and reads no more tasks, until {@link unpause}. What runs goes on. */
  pause(): void {
    this.#scheduler.paused = true
  }

  /** Goes on after {@link pause}. */
  unpause(): void {
    this.#scheduler.paused = false
  }

  /**
   * The tasks that run, in the order of their start, and those that wait for another attempt.
   *
   * @param most - so many of the first, at no more cost than these. Default: all.
   */
  tasks(most = Number.POSITIVE_INFINITY): LiveTask[] {
    const tasks: LiveTask[] = []
    for (const entries of [this.#scheduler.running, this.#scheduler.betweenAttempts]) {
      for (const entry of entries) {
        if (tasks.length >= most) return tasks
        tasks.push(this.#liveTask(entry))
      }
    }
    return tasks
  }

  /**
   * Ends one task, tree and all, or takes it out of those that wait; its result is `cancelled`, or `skipped` when it was never
   * started.
   *
   * @param which - its id, or its number, from 1.
   * @throws DroverError `ERR_DROVER_NO_TASK` when there is none that runs or waits.
   */
  cancel(which: string): LiveTask {
    const entry = this.#find(which)
    const task = this.#liveTask(entry)
    this.#scheduler.endOne(entry, { code: 'ERR_DROVER_CANCELLED', message: 'the task was cancelled' })
    return task
  }

  /**
   * Tells what a running task prints: what is still kept of this attempt, up to 64 KiB, and then what comes, until the attempt has
   * ended. Only what drover reads can be told.
   *
   * @param which - its id, or its number, from 1.
   * @param follower - told at once what is kept, before this returns.
   * @throws DroverError `ERR_DROVER_NO_TASK` when no such task runs, `ERR_DROVER_OUTPUT` when its output does not come by here.
   */
  follow(which: string, follower: OutputFollower): Followed {
    const entry = this.#find(which)
    if (entry.running === null) throw noTask(which, 'it waits for another attempt, or for a slot')
    const { options } = this.#scheduler
    const elsewhere = elsewhereOf(entry, options)
    if (elsewhere !== null)
      throw new DroverError('ERR_DROVER_OUTPUT', `the output of task ${which} cannot be followed: ${elsewhere}`)
    entry.recent ??= new RecentOutput()
    return { task: this.#liveTask(entry), ...entry.recent.follow(follower) }
  }

  #liveTask(entry: Entry): LiveTask {
    return liveTask(entry, this.#scheduler.options.pool !== undefined)
  }

  #find(which: string): Entry {
    const number = /^#?(\d+)$/.exec(which)
    let byNumber: Entry | null = null
    for (const entry of this.#scheduler.live()) {
      if (entry.task.id === which) return entry
      if (number !== null && entry.index + 1 === Number(number[1])) byNumber = entry
    }
    if (byNumber !== null) return byNumber
    throw noTask(which, 'it has ended, or has not been read yet')
  }
}

function noTask(which: string, why: string): DroverError {
  return new DroverError('ERR_DROVER_NO_TASK', `no task ${which} is running or waiting: ${why}`)
}

/** Where the output goes that is not seen here; null when it is. */
function elsewhereOf(
  { task, index }: Entry,
  { output, pool, onOutput, maxOutputBytes, control }: Scheduler['options'],
) {
  if (pool !== undefined)
    return 'a worker answers for one message after the other; what it printed comes with its answer'
  if (typeof output === 'function') {
    const { stdout } = output(task, { index })
    return `it goes straight to ${stdout}; follow that with tail -f`
  }
  if (output !== 'pipe') return 'it does not pass through drover'
  if (control === null) return 'the run was started without control'
  return onOutput === undefined && maxOutputBytes === 0 ? 'it is only counted' : null
}

/** Null where it has not begun: it waits between two attempts, or for a machine. */
function startOf({ running, startedMs }: Entry): number | null {
  if (running === null) return null
  return running.startedMs === undefined ? startedMs : running.startedMs
}

function liveTask(entry: Entry, isMessage: boolean): LiveTask {
  const { task, index, attempt, attempts, running } = entry
  const startedMs = startOf(entry)
  return {
    index,
    id: task.id ?? null,
    state: startedMs === null ? 'waiting' : 'running',
    attempt,
    attempts,
    pid: running?.pid ?? null,
    durationMs: startedMs === null ? 0 : Math.round(performance.now() - startedMs),
    command: isMessage ? describeMessage(task) : describeCommand(task),
  }
}
