import type { BullModule, TaskJob, TaskWorker, TaskWorkerClass } from './backend.js'
import type { PackedResult } from './packed-result.js'

/** What drover's tasks need to be told of that BullMQ's worker does. */
export interface BullWorkerEvents {
  /** The locks of these jobs are good for `lockMs` from that moment, by `performance.now()`. */
  onRenewed(jobIds: readonly string[], askedAtMs: number): void
  /** These jobs are somebody else's by now. */
  onLockLost(jobIds: readonly string[]): void
  /** The server has refused a result: the job had become somebody else's. */
  onRefused(job: TaskJob): void
  /** When a result is to be recorded: null for now. */
  turn(): Promise<void> | null
  /** The result of a job that was begun and lost too often. */
  lostResult(job: TaskJob, reason: string): PackedResult
}

/** BullMQ's worker, and what drover asks it. */
export interface BullWorker extends TaskWorker {
  /** Jobs that are this worker's and have no result yet that the server knows of. */
  readonly unrecorded: number
  /** While it is being closed: ends what it does again and again, which it would itself only when the server has answered. */
  standDown(): void
}

type BullWorkerClass = TaskWorkerClass & (new (...args: ConstructorParameters<TaskWorkerClass>) => BullWorker)

type CompletedCall = Parameters<InstanceType<TaskWorkerClass>['handleCompleted']>

/** What the server answers when a job is not this worker's any more: gone, not locked, not active, or another's lock. */
const REFUSALS: ReadonlySet<unknown> = new Set([-1, -2, -3, -6])
/** Between two tries to record a result. */
const AGAIN_MS = 500

/**
 * BullMQ's worker, with some things changed: it says when it asked for locks, results may go several at a time, one that cannot be recorded for the moment is
 * recorded later and never turned into a failure, and a job that was lost too often gets a result as all others do.
 */
export function bullWorkerClass(bull: BullModule, events: BullWorkerEvents): BullWorkerClass {
  const Base = bull.Worker as unknown as TaskWorkerClass

  return class DroverWorker extends Base {
    get unrecorded(): number {
      return this.lockManager.getActiveJobCount()
    }

    standDown(): void {
      const { stalledCheckStopper } = this as unknown as { stalledCheckStopper?: () => void }
      stalledCheckStopper?.()
      void this.lockManager.close()
    }

    override async extendJobLocks(jobIds: string[], tokens: string[], duration: number): Promise<string[]> {
      const askedAtMs = performance.now()
      const lost = await super.extendJobLocks(jobIds, tokens, duration)
      const gone = new Set(lost)
      events.onRenewed(
        jobIds.filter((id) => !gone.has(id)),
        askedAtMs,
      )
      if (lost.length > 0) events.onLockLost(lost)
      return lost
    }

    protected override handleCompleted(...call: CompletedCall): Promise<TaskJob> {
      const [result, job, token, fetchesNext, span] = call
      const complete = () => super.handleCompleted(result, job, token, fetchesNext, span)
      const turn = events.turn()
      const done = turn === null ? complete() : turn.then(complete)
      return done.catch((error) => this.#completeLater(call, error))
    }

    async #completeLater(call: CompletedCall, failure: unknown): Promise<TaskJob> {
      const nothing = undefined as unknown as TaskJob
      const [, job, token] = call
      for (let error = failure; ; ) {
        if (REFUSALS.has((error as { code?: unknown }).code)) {
          events.onRefused(job)
          return nothing
        }
        this.emit('error', error as Error)
        if (this.closed) return nothing
        this.lockManager.trackJob(job.id!, token, Date.now())
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
        this.lockManager.untrackJob(job.id!)
        try {
          return await super.handleCompleted(...call)
        } catch (again) {
          error = again
        }
      }
    }

    protected override handleFailed(
      ...[error, job, token, ...rest]: Parameters<InstanceType<TaskWorkerClass>['handleFailed']>
    ): Promise<TaskJob> {
      return error instanceof bull.UnrecoverableError
        ? this.handleCompleted(events.lostResult(job, error.message), job, token, ...rest)
        : super.handleFailed(error, job, token, ...rest)
    }
  } as unknown as BullWorkerClass
}
