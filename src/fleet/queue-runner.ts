import type { RunningElsewhere, TaskRunner } from '../dispatch/task-runner.js'
import { rejectUnknown } from '../process/process-options.js'
import { resultWithoutStart } from '../process/result-of.js'
import { isConclusive, type Result, type ResultError, type ResultState } from '../task/result.js'
import type { Task } from '../task/task.js'
import { uniqueId } from '../task/unique-id.js'
import type { BackendOptions, TaskEvents, TaskJob } from './backend.js'
import { CONNECT_MS } from './connection.js'
import { JobBatches } from './job-batches.js'
import { closeOrLetGo, isSettledWithin } from './let-go.js'
import { type OpenQueue, openQueue, type QueueChoice } from './open-queue.js'
import { type PackedResult, stateOfPacked, unpackResult } from './packed-result.js'
import { jobLimits, type SubmitOptions } from './submit.js'
import { checkRun } from './task-envelope.js'
import { type JobDefaults, jobOf, type TaskJobSpec } from './task-jobs.js'
import { type Waiting, WaitingTasks } from './waiting-tasks.js'

/** Where tasks of a run go, for {@link QueueRunner}. */
export interface QueueRunnerOptions
  extends BackendOptions,
    Pick<SubmitOptions, 'run' | 'signer' | 'tag' | 'timeoutMs' | 'retries'> {
  /** Where the tasks go. */
  readonly queue: QueueChoice
  /** Which results of an earlier submission of the same run do not count, so that the task is run again. Default: inconclusive ones. */
  readonly again?: ((state: ResultState) => boolean) | undefined
  /** What becomes of tasks in the queue when the run is ended here: they are ended there, too, or go on. Default: `cancel`. */
  readonly whenEnded?: 'cancel' | 'leave' | undefined
}

/** How many tasks are looked up at a time. */
const MOST_LOOKED_UP = 250
/** Between two looks at the tasks that have waited longest, where nothing is found. */
const LOOK_MS = { least: 250, most: 10_000 }
/** How often a task is submitted again that a server has lost. */
const MOST_VANISHED = 3
/** How long the workers have to answer when the run was cancelled. */
const CANCEL_MS = 8_000

const OPTIONS = ['queue', 'run', 'signer', 'tag', 'timeoutMs', 'retries', 'again', 'whenEnded', 'telemetry']

/**
 * Has the tasks of a run done by the workers of a queue: `dispatch(tasks, { runner })`, with all that it has, a journal included. To be
 * closed after the run.
 *
 * @example
 * await using runner = await QueueRunner.open({ queue: 'redis://localhost' })
 * for await (const result of dispatch(tasks, { runner, concurrency: 10_000 })) console.log(result.host, result.stdout)
 */
export class QueueRunner implements TaskRunner, AsyncDisposable {
  /** The name of the run in the queue. */
  readonly runName: string
  readonly #opened: OpenQueue
  readonly #options: QueueRunnerOptions
  readonly #defaults: JobDefaults
  readonly #events: TaskEvents
  readonly #batches: JobBatches
  readonly #waiting = new WaitingTasks()
  #looker: NodeJS.Timeout | null = null
  #lookMs = LOOK_MS.least
  #isCancelling = false
  #isClosed = false

  private constructor(opened: OpenQueue, runName: string, options: QueueRunnerOptions) {
    this.runName = runName
    this.#opened = opened
    this.#options = options
    const limits = jobLimits(options)
    this.#defaults = { queue: opened.queue.name, run: runName, signer: options.signer, ...limits }
    this.#batches = new JobBatches((jobs) => this.#submit(jobs))
    this.#events = opened.backend.events()
    this.#events.on('active', ({ jobId }) => this.#waiting.begin(jobId))
    this.#events.on('completed', ({ jobId, returnvalue }) => this.#settle(jobId, returnvalue as PackedResult))
    this.#events.on('failed', ({ jobId, failedReason }) => this.#fail(jobId, failedReason))
    this.#lookLater()
  }

  /**
   * Opens the queue, and waits until the server has answered.
   *
   * @throws (as a rejection) OptionError for an option that cannot be used, QueueError when nobody answers.
   */
  static async open(options: QueueRunnerOptions): Promise<QueueRunner> {
    rejectUnknown('QueueRunner', options, OPTIONS)
    const runName = checkRun(options.run ?? uniqueId())
    jobLimits(options)
    const opened = await openQueue(options.queue, options)
    try {
      if (options.run !== undefined) await opened.backend.patiently(() => opened.control.clear(runName))
      const runner = new QueueRunner(opened, runName, options)
      await runner.#events.waitUntilReady()
      return runner
    } catch (error) {
      await opened.close()
      throw error
    }
  }

  /** Tasks that no worker has taken, as far as the server has told. */
  get waiting(): number {
    return this.#waiting.unbegun
  }

  /** Submits a task, and gives its result when there is one. */
  run(task: Task, { index, key }: { readonly index: number; readonly key: string }): RunningElsewhere {
    const spec = jobOf(task, index, key, this.#defaults)
    const { jobId } = spec.opts
    const result = new Promise<Result>((resolve, reject) => {
      this.#waiting.set(jobId, { spec, task, resolve, reject, isAdded: false, startedMs: null, vanished: 0 })
    })
    const waiting = this.#waiting.get(jobId)!
    try {
      this.#batches.add(spec)?.catch((error) => this.#break(error))
    } catch (error) {
      this.#break(error)
    }
    const forget = (error: ResultError) => this.#finish(jobId, 'cancelled', error)
    let reason: ResultError = { code: 'ERR_DROVER_ENDED', message: 'the run was ended' }
    return {
      result,
      get startedMs() {
        return waiting.startedMs
      },
      end: ({ error }) => {
        reason = error
        if (this.#options.whenEnded === 'leave')
          forget({ ...error, message: `${error.message}; it goes on in the queue` })
        else this.#cancel(error)
      },
      hurry: () => forget(reason),
    }
  }

  /** Gives up the connection. What has no result yet goes on in the queue. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#looker !== null) clearTimeout(this.#looker)
    await isSettledWithin(CONNECT_MS, this.#batches.end())
    await Promise.all([closeOrLetGo([this.#events]), this.#opened.close()])
  }

  /** {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #submit(jobs: TaskJobSpec[]): Promise<void> {
    const wanted = jobs.filter(({ opts }) => this.#waiting.has(opts.jobId))
    if (wanted.length === 0) return
    const { backend, queue } = this.#opened
    const jobIds = wanted.map(({ opts }) => opts.jobId)
    try {
      await backend.patiently(() => queue.addBulk(wanted))
      // Under a name that somebody chose, some may have been there.
      if (this.#options.run !== undefined) await backend.patiently(() => this.#lookUp(jobIds, true))
    } catch (error) {
      this.#break(error)
      throw error
    }
    for (const jobId of jobIds) {
      const waiting = this.#waiting.get(jobId)
      if (waiting !== undefined) waiting.isAdded = true
    }
    this.#lookSoon()
  }

  /** The server takes nothing more: nothing that waits can be waited for. */
  #break(error: unknown): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
  }

  #settle(jobId: string, packed: PackedResult | undefined): void {
    if (packed === undefined || packed === null) return
    const waiting = this.#waiting.take(jobId)
    if (waiting === undefined) return
    const { spec, task } = waiting
    try {
      const { index, key } = spec.data
      waiting.resolve(unpackResult(packed, { run: this.runName, index, key, task }))
    } catch (error) {
      this.#resolveAs(waiting, 'lost', {
        code: 'ERR_DROVER_RESULT',
        message: `what the queue has as its result is none: ${(error as Error).message}`,
      })
    }
  }

  /** BullMQ itself has given it up; drover's workers never do. */
  #fail(jobId: string, reason: string): void {
    this.#finish(jobId, 'lost', { code: 'ERR_DROVER_LOST', message: `the queue gave it up: ${reason}` })
  }

  #finish(jobId: string, state: 'cancelled' | 'lost', error: ResultError): void {
    const waiting = this.#waiting.take(jobId)
    if (waiting === undefined) return
    this.#resolveAs(waiting, state, error)
  }

  #resolveAs({ spec, task, resolve }: Waiting, state: 'cancelled' | 'lost', error: ResultError): void {
    const { index, key } = spec.data
    const identity = { run: this.runName, index, key, attempt: 0, attempts: 1, queuedMs: Date.now() - spec.data.at }
    resolve(resultWithoutStart(task, identity, state, error, 'utf8'))
  }

  /** Ends the whole run in the queue; the first task of it that is to end does it for all. */
  #cancel(error: ResultError): void {
    if (this.#isCancelling) return
    this.#isCancelling = true
    const { control, queue } = this.#opened
    const giveUp = () => {
      for (const jobId of [...this.#waiting.keys()])
        this.#finish(jobId, 'cancelled', { ...error, message: `${error.message}; its worker has not answered` })
    }
    setTimeout(giveUp, CANCEL_MS).unref()
    void control.cancel({ run: this.runName, task: null }).catch(giveUp)
    // What no worker has begun need not wait for one.
    for (const jobId of [...this.#waiting.keys()]) {
      void queue.remove(jobId).then(
        (removed) => {
          if (removed === 1) this.#finish(jobId, 'cancelled', error)
        },
        () => {},
      )
    }
  }

  #lookSoon(): void {
    this.#lookMs = LOOK_MS.least
    this.#lookLater()
  }

  #lookLater(): void {
    if (this.#isClosed) return
    if (this.#looker !== null) clearTimeout(this.#looker)
    this.#looker = setTimeout(() => void this.#look(), this.#lookMs)
  }

  /** Events can be missed: before they are listened to, while the server is away, and when there are too many. */
  async #look(): Promise<void> {
    const oldest: string[] = []
    for (const [jobId, { isAdded }] of this.#waiting) {
      if (isAdded) oldest.push(jobId)
      if (oldest.length === MOST_LOOKED_UP) break
    }
    const found = await this.#lookUp(oldest, false).catch(() => 0)
    this.#lookMs = found > 0 ? 0 : Math.min(this.#lookMs * 2 || LOOK_MS.least, LOOK_MS.most)
    this.#lookLater()
  }

  /** @returns how many had a result. */
  async #lookUp(jobIds: readonly string[], isFirst: boolean): Promise<number> {
    const { Job } = this.#opened.backend.bull
    const jobs = await Promise.all(
      jobIds.map((id) => Job.fromId(this.#opened.queue as never, id) as Promise<TaskJob | undefined>),
    )
    let found = 0
    const [again, missing]: [Waiting[], Waiting[]] = [[], []]
    for (const [place, job] of jobs.entries()) {
      const jobId = jobIds[place]!
      const waiting = this.#waiting.get(jobId)
      if (waiting === undefined) continue
      if (job === undefined) {
        if (++waiting.vanished > MOST_VANISHED) this.#fail(jobId, 'the server has lost it')
        else missing.push(waiting)
      } else if (job.finishedOn !== undefined) {
        found += 1
        if (isFirst && this.#isToRunAgain(job, waiting)) again.push(waiting)
        else if (job.failedReason) this.#fail(jobId, job.failedReason)
        else this.#settle(jobId, job.returnvalue)
      }
    }
    const { queue } = this.#opened
    await Promise.all(again.map(({ spec }) => queue.remove(spec.opts.jobId)))
    const all = [...again, ...missing]
    // Made anew, since a signature is good for one result.
    for (const waiting of all) {
      const { index, key } = waiting.spec.data
      waiting.spec = jobOf(waiting.task, index, key, this.#defaults)
    }
    if (all.length > 0) await queue.addBulk(all.map(({ spec }) => spec))
    return found
  }

  #isToRunAgain({ data, returnvalue, failedReason }: TaskJob, { spec }: Waiting): boolean {
    // It was not there before, and has ended since.
    if (data?.at === spec.data.at) return false
    const { again = (state) => !isConclusive(state) } = this.#options
    return failedReason ? true : again(stateOfPacked(returnvalue))
  }
}
