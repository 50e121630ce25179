import { resultWithoutStart } from '../process/result-of.js'
import { ClosedError } from '../task/errors.js'
import type { Result, ResultError } from '../task/result.js'
import type { Task } from '../task/task.js'
import type { AllowedPrograms } from './allowed-programs.js'
import type { TaskJob } from './backend.js'
import type { KnownMarks } from './control.js'
import type { Lease, Leases } from './leases.js'
import type { Permit, Permits } from './permits.js'
import { NO_ENVELOPE, readEnvelope, type TaskEnvelope, taskOf } from './task-envelope.js'
import type { StartedTask, TaskStarter } from './task-start.js'
import type { EnvelopeVerifier } from './trust.js'

/** What a job's way through a worker needs. */
export interface JobRunParts {
  readonly queue: string
  readonly starter: TaskStarter
  readonly leases: Leases
  readonly marks: KnownMarks
  /** Brings the marks up to date. */
  readonly readMarks: () => Promise<void>
  readonly verifier: EnvelopeVerifier | undefined
  readonly allowed: AllowedPrograms | null
  readonly permits: Permits
  /** Whose limits hold for all tasks here; null for none. */
  readonly sharedTag: string | null
  readonly isDraining: () => boolean
}

/** What became of a job here: a result to be recorded, or nothing, so that it goes back to the queue. */
export type JobEnd = { readonly result: Result } | { readonly handBack: 'lock' | 'drained' | 'unverified' | 'limit' }

const LOCK: ResultError = {
  code: 'ERR_DROVER_LOCK',
  message: 'the lock on this task could not be renewed, so that another worker may have it',
}
export const DRAINED: ResultError = { code: 'ERR_DROVER_DRAINED', message: 'this worker ends, and another may take it' }
export const CANCELLED: ResultError = { code: 'ERR_DROVER_CANCELLED', message: 'it was cancelled with drover cancel' }
/** A task that was cancelled ends by itself within so long, or is killed: two seconds are promised for all of it. */
const CANCEL_GRACE_MS = 1_000
/** Before a task that could not be verified goes back to the queue. */
const UNVERIFIED_MS = 500
/** For how long a task is kept that was taken ahead. */
const AHEAD_MS = 1_000
/** How long a task may wait here when its tag is at its limit. */
const TAG_MS = 250

/** A job that is being run: the task, and what may end it. */
export interface JobRun {
  readonly envelope: TaskEnvelope
  cancel(): void
}

/**
 * One job's way: is it a task, may it be run, has it been cancelled; then it is run for as long as there is a lock on it.
 *
 * @param running - those that can be cancelled.
 * @param isAhead - whether it was taken before there was a slot for it.
 */
export async function runJob(
  job: TaskJob,
  running: Set<JobRun>,
  parts: JobRunParts,
  isAhead: boolean,
): Promise<JobEnd> {
  let started: StartedTask | null = null
  // The lock counts from when it was asked for, not from when the answer came.
  const lease = parts.leases.add(job.id!, Date.now() - (job.processedOn ?? Date.now()), (graceMs) =>
    started?.end(LOCK, graceMs),
  )
  const envelope = readEnvelope(job.data) ?? NO_ENVELOPE
  const run: JobRun = { envelope, cancel: () => started?.end(CANCELLED, CANCEL_GRACE_MS) }
  running.add(run)
  try {
    const refused = parts.verifier === undefined ? null : await verifyJob(job, envelope, parts)
    if (refused !== null) return refused
    const checked = checkJob(job, envelope, parts)
    if (!('task' in checked)) return checked
    if (lease.isEnding) return { handBack: 'lock' }
    if (parts.marks.covers(envelope)) {
      // It may have been submitted again.
      await parts.readMarks()
      if (parts.marks.covers(envelope)) return { result: withoutStart(envelope, checked.task, 'skipped', CANCELLED) }
    }
    const needsPermit = envelope.tag !== undefined || parts.sharedTag !== null
    const permits = needsPermit ? await takePermits(envelope, lease, parts) : []
    if (permits === null) return { handBack: lease.isEnding ? 'lock' : parts.isDraining() ? 'drained' : 'limit' }
    try {
      started = parts.starter.start(checked.task, envelope)
      const waits = isAhead && !started.hasBegun() ? setTimeout(putBack, AHEAD_MS, started) : undefined
      if (parts.marks.covers(envelope)) run.cancel()
      const result = await started.result
      clearTimeout(waits)
      return endOf(result, lease)
    } catch (error) {
      // It was closed while the task was looked at.
      if (error instanceof ClosedError) return { handBack: 'drained' }
      throw error
    } finally {
      for (const permit of permits) void permit.release()
    }
  } finally {
    running.delete(run)
    parts.leases.remove(lease)
  }
}

/** What has not begun by now is for a machine that has a slot for it. */
function putBack(started: StartedTask): void {
  if (!started.hasBegun()) started.end(DRAINED)
}

/**
 * All that its limits ask for, or none. For slots that every task here needs it waits; a task whose tag is at its limit goes back, so that
 * others are run meanwhile.
 */
async function takePermits(envelope: TaskEnvelope, lease: Lease, parts: JobRunParts): Promise<Permit[] | null> {
  const { sharedTag, permits, isDraining, marks } = parts
  const isOver = () => lease.isEnding || isDraining() || marks.covers(envelope)
  const taken: Permit[] = []
  const shared = sharedTag === null ? null : await permits.take(sharedTag, () => !isOver())
  if (shared !== null) taken.push(shared)
  else if (sharedTag !== null && !marks.covers(envelope)) return null
  if (envelope.tag === undefined || envelope.tag === sharedTag) return taken
  const untilMs = performance.now() + TAG_MS
  const own = await permits.take(envelope.tag, () => !isOver() && performance.now() < untilMs)
  if (own !== null) return [...taken, own]
  for (const permit of taken) void permit.release()
  return null
}

/** Whether somebody who may has put it there. First of all, so that nothing of a task is read that was not signed. */
async function verifyJob(job: TaskJob, envelope: TaskEnvelope, parts: JobRunParts): Promise<JobEnd | null> {
  const { verifier, queue } = parts
  let distrust: ResultError | null
  try {
    distrust = (await verifier?.verify(envelope, { queue, jobId: job.id! })) ?? null
  } catch {
    // Nothing is known of it yet, as when the server is away. Not at once again, for it may be so for a while.
    await new Promise((resolve) => setTimeout(resolve, UNVERIFIED_MS))
    return { handBack: 'unverified' }
  }
  return distrust === null ? null : refusal(envelope, distrust)
}

/** Looks at what is in the queue as at anything that comes from without. */
function checkJob(job: TaskJob, envelope: TaskEnvelope, { allowed }: JobRunParts): { readonly task: Task } | JobEnd {
  let task: Task
  try {
    if (envelope === NO_ENVELOPE) throw new Error('it has not the form of one')
    if (envelope.v !== 1) throw new Error(`it has the form ${String(envelope.v)}, which this release does not know`)
    if (job.id !== `${envelope.run}.${envelope.key}`)
      throw new Error('it is not the task that the name of its job says')
    task = taskOf(envelope)
  } catch (error) {
    return refusal(envelope, { code: 'ERR_DROVER_INPUT', message: `no task: ${(error as Error).message}` })
  }
  const permitted = allowed?.check(task) ?? { task }
  return 'error' in permitted ? refusal(envelope, permitted.error) : permitted
}

function refusal(envelope: TaskEnvelope, error: ResultError): JobEnd {
  return { result: withoutStart(envelope, {}, 'invalid', error) }
}

function endOf(result: Result, lease: Lease): JobEnd {
  if (result.error === null) return { result }
  const { code } = result.error
  const isEnded = result.state === 'cancelled' || result.state === 'skipped'
  if (isEnded && code === LOCK.code) return { handBack: 'lock' }
  if (isEnded && code === DRAINED.code) return { handBack: lease.isEnding ? 'lock' : 'drained' }
  return { result }
}

/** The result of a task that was not started here. */
export function withoutStart(
  envelope: TaskEnvelope,
  task: Partial<Task>,
  state: 'skipped' | 'invalid' | 'lost',
  error: ResultError,
): Result {
  const { run, index, key, at } = envelope
  const identity = { run, index, key, attempt: 0, attempts: 1, queuedMs: Math.max(0, Date.now() - at) }
  return resultWithoutStart(task, identity, state, error, 'utf8')
}
