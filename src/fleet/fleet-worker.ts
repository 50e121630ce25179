import { hostname } from 'node:os'
import { usableCpus } from '../slots/usable-cpus.js'
import type { Result } from '../task/result.js'
import { describeAddress } from './address.js'
import { AllowedPrograms } from './allowed-programs.js'
import { Backend, type TaskEvents, type TaskJob } from './backend.js'
import { type BullWorker, bullWorkerClass } from './bull-worker.js'
import { Control, controlName, KnownMarks } from './control.js'
import { finishTogether } from './finish-batches.js'
import { reasonOf } from './fleet-error.js'
import { Gathering } from './gathering.js'
import { HandlerStarter } from './handler-starter.js'
import { DRAINED, type JobRun, type JobRunParts, runJob, withoutStart } from './job-run.js'
import { Leases } from './leases.js'
import { closeOrLetGo, GOODBYE_MS, isSettledWithin, letGo } from './let-go.js'
import { addressOf } from './open-queue.js'
import { type PackedResult, packResult } from './packed-result.js'
import { Permits } from './permits.js'
import { Prefetch } from './prefetch.js'
import { NO_ENVELOPE, readEnvelope, type TaskEnvelope } from './task-envelope.js'
import { CommandStarter, type TaskStarter } from './task-start.js'
import { WorkCounter, type WorkCounts } from './work-counts.js'
import { type CheckedWorkOptions, checkWorkOptions, type WorkOptions } from './work-options.js'

/** How often the marks of what was cancelled are read anew, in case an event was missed. */
const MARKS_MS = 30_000
/** Where the dispatcher has no limit, so many tasks are taken at once. */
const MOST_AT_ONCE = 1_024
/** For how long a task is put off whose tag is at its limit. */
const LIMIT_MS = { least: 100, most: 5_000 }

/**
 * Begins to take tasks from a queue and to run them, and resolves when the server has answered. A server that is away later is waited for.
 *
 * @example
 * const worker = await work({ queue: 'redis://localhost', concurrency: 8 })
 * process.once('SIGTERM', () => worker.close())
 * @throws (as a rejection) OptionError for an option that cannot be used, QueueError when a package is missing.
 */
export async function work(options: WorkOptions): Promise<FleetWorker> {
  const checked = checkWorkOptions(options)
  const backend = await Backend.load(addressOf(options.queue), options)
  return new FleetWorker(backend, checked)
}

/** A machine of the fleet; see {@link work}. */
export class FleetWorker implements AsyncDisposable {
  /** The connection, for who needs BullMQ itself. */
  readonly backend: Backend
  /** BullMQ's worker, for its events and metrics. */
  readonly bull: BullWorker
  /** What others see of it. */
  readonly name: string
  readonly #options: CheckedWorkOptions
  readonly #starter: TaskStarter
  readonly #leases: Leases
  readonly #marks = new KnownMarks()
  readonly #permits: Permits
  readonly #parts: JobRunParts
  readonly #control: Control
  readonly #events: TaskEvents
  readonly #running = new Set<JobRun>()
  readonly #counter = new WorkCounter()
  readonly #prefetch: Prefetch
  /** Until there are no more that wait than slots. */
  readonly #gathering = new Gathering(() => this.#starter.gathers && this.#starter.waiting > this.#starter.concurrency)
  readonly #marksTimer: NodeJS.Timeout
  /** Before that nothing is begun, since it may have been cancelled. */
  #hasMarks = false
  #lastProblem = ''
  #isDraining = false
  #closed: Promise<void> | null = null
  #giveUp = () => {}
  readonly #givenUp = new Promise<void>((resolve) => {
    this.#giveUp = resolve
  })

  constructor(backend: Backend, options: CheckedWorkOptions) {
    this.backend = backend
    this.#options = options
    this.name = options.name ?? `${hostname()}/${process.pid}`
    const { lockMs, maxLost, keepResultsMs, handler, dispatch, allow, passEnv } = options
    this.#starter =
      handler === null ? new CommandStarter(options) : new HandlerStarter(handler, dispatch.concurrency ?? usableCpus())
    this.#prefetch = new Prefetch(this.#starter.gathers)
    this.#leases = new Leases({ lockMs, killGraceMs: dispatch.killGraceMs ?? 5_000 })
    this.#permits = new Permits(backend, lockMs)
    this.#parts = {
      queue: backend.address.queue,
      starter: this.#starter,
      leases: this.#leases,
      marks: this.#marks,
      readMarks: () => this.#readMarks(),
      verifier: options.verifier,
      allowed: allow === undefined ? null : new AllowedPrograms(allow, passEnv),
      permits: this.#permits,
      sharedTag: options.sharedTag,
      isDraining: () => this.#isDraining,
    }
    const keep = { age: Math.max(1, Math.round(keepResultsMs / 1_000)) }
    this.bull = backend.worker(this.#bullClass(), (job, token) => this.#process(job, token), {
      name: this.name,
      concurrency: Math.min(this.#starter.concurrency, MOST_AT_ONCE),
      lockDuration: lockMs,
      lockRenewTime: lockMs / 4,
      stalledInterval: Math.min(lockMs / 2, 30_000),
      maxStalledCount: maxLost,
      // Between two tries where the server is away; 15 seconds without.
      runRetryDelay: 1_000,
      removeOnComplete: keep,
      removeOnFail: keep,
    })
    if (backend.address.kind !== 'postgres') finishTogether(this.bull)
    this.bull.on('error', (error) => this.#tellProblem(error))
    if (options.verifier?.recorded !== undefined) this.bull.on('completed', ({ data }) => void this.#tellRecorded(data))
    this.#control = new Control(backend, this.bull)
    this.#events = backend.events(controlName(backend.address.queue))
    this.#heedControl()
    this.#marksTimer = setInterval(() => void this.#readMarks(), MARKS_MS)
  }

  /** Tasks at once, at the most. */
  get concurrency(): number {
    return this.#starter.concurrency
  }

  /** May be changed while it works; less than what runs ends nothing. */
  set concurrency(concurrency: number) {
    this.#starter.concurrency = concurrency
    this.#setTaken()
  }

  #setTaken(): void {
    const { concurrency } = this.#starter
    const taken = Math.min(concurrency + this.#prefetch.ahead(concurrency), MOST_AT_ONCE)
    if (this.bull.concurrency !== taken) this.bull.concurrency = taken
  }

  /** What it has done so far. */
  counts(): WorkCounts {
    return this.#counter.counts(this.#leases.size)
  }

  /** Resolves when the server has answered for the first time. */
  async ready(): Promise<void> {
    await this.bull.waitUntilReady()
  }

  /** Takes nothing more, hands back what was not started, and resolves when what runs has ended and its results are recorded. */
  close(): Promise<void> {
    this.#isDraining = true
    this.#starter.halt('soon', DRAINED)
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** As {@link close}, but what runs is ended and handed back; a server that does not answer then is not waited for. */
  async destroy(): Promise<void> {
    const closed = this.close()
    this.#starter.halt('now', DRAINED)
    await this.#starter.close()
    const timer = setTimeout(this.#giveUp, GOODBYE_MS)
    await closed
    clearTimeout(timer)
  }

  /** {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const closing = this.bull.close()
    await this.#starter.close()
    // Of a server that cannot be reached for as long as a lock holds the tasks are somebody else's, and it would refuse their results.
    const patienceMs = this.bull.unrecorded > 0 ? this.#options.lockMs : GOODBYE_MS
    await isSettledWithin(patienceMs, Promise.race([closing, this.#givenUp]))
    this.bull.standDown()
    letGo(this.bull.getBackend())
    clearInterval(this.#marksTimer)
    this.#leases.close()
    await Promise.all([closeOrLetGo([this.#events]), this.#permits.close()])
  }

  #bullClass() {
    return bullWorkerClass(this.backend.bull, {
      onRenewed: (ids, askedAtMs) => this.#leases.renewed(ids, askedAtMs),
      onLockLost: (ids) => this.#leases.lost(ids),
      onRefused: () => {
        this.#counter.lateResults += 1
      },
      turn: () => this.#gathering.turn(),
      lostResult: ({ data }, reason) => {
        const message = `its worker was lost ${this.#options.maxLost + 1} times: ${reason}`
        const error = { code: 'ERR_DROVER_LOST', message }
        return this.#packed(withoutStart(readEnvelope(data) ?? NO_ENVELOPE, {}, 'lost', error))
      },
    })
  }

  async #process(job: TaskJob, token = ''): Promise<PackedResult> {
    // The server has answered.
    this.#lastProblem = ''
    if (!this.#hasMarks) await this.#readMarks()
    if (this.#isDraining) return this.#handBack(job, token)
    const isAhead = this.#leases.size >= this.#starter.concurrency
    // It was asked for before it was known that others take long.
    if (isAhead && this.#prefetch.isStopped) return this.#handBack(job, token)
    const end = await runJob(job, this.#running, this.#parts, isAhead)
    if ('result' in end) return this.#packed(end.result)
    if (end.handBack === 'limit') return this.#putOff(job, token)
    if (end.handBack === 'lock') this.#counter.locksLost += 1
    if (end.handBack === 'drained') {
      this.#prefetch.stop()
      this.#setTaken()
    }
    return this.#handBack(job, token)
  }

  #packed(result: Result): PackedResult {
    this.#counter.count(result)
    this.#prefetch.note(result.durationMs)
    this.#setTaken()
    this.#options.onResult?.(result)
    return packResult(result)
  }

  /** Before all that waits in the queue, unless another worker has it by now. */
  async #handBack(job: TaskJob, token: string): Promise<never> {
    this.#counter.handedBack += 1
    await job.moveToWait(token).then(
      () => this.backend.nudge(this.bull),
      () => {},
    )
    throw new this.backend.bull.WaitingError()
  }

  /** Its tag is at its limit: others first. The longer the more often that was so. */
  async #putOff(job: TaskJob, token: string): Promise<never> {
    const pauseMs = Math.min(LIMIT_MS.least * 2 ** Math.min(job.attemptsStarted, 10), LIMIT_MS.most)
    await job.moveToDelayed(Date.now() + Math.round(pauseMs * (0.5 + Math.random())), token).catch(() => {})
    throw new this.backend.bull.DelayedError()
  }

  #heedControl(): void {
    type Listener = (event: string, heed: (told: { run: string; task?: string }) => void) => void
    const on = this.#events.on.bind(this.#events) as unknown as Listener
    on('cancel', ({ run, task }) => {
      this.#marks.add({ run, task: task ?? null })
      this.#endMarked()
    })
    on('clear', ({ run }) => this.#marks.clear(run))
    void this.#events.waitUntilReady().then(
      () => this.#readMarks(),
      () => {},
    )
  }

  async #readMarks(): Promise<void> {
    try {
      this.#marks.replace(await this.#control.marks())
      this.#hasMarks = true
      this.#endMarked()
    } catch {
      // The next time is soon, and that the server is away is told by who takes tasks.
    }
  }

  #endMarked(): void {
    for (const run of this.#running) if (this.#marks.covers(run.envelope)) run.cancel()
  }

  /** So that it cannot be run again by whoever has a copy of it. */
  async #tellRecorded(envelope: TaskEnvelope): Promise<void> {
    try {
      await this.#options.verifier?.recorded?.(envelope)
    } catch (error) {
      this.#tellProblem(error as Error)
    }
  }

  #tellProblem(error: Error): void {
    const reason = reasonOf(error)
    // Of a server that is away each try tells anew.
    if (reason === this.#lastProblem) return
    this.#lastProblem = reason
    this.#options.onWarning?.(`${describeAddress(this.backend.address)}: ${reason}; going on when it is there again`)
  }
}
