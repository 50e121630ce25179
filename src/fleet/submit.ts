import { checkIterable, readTask, type Tasks } from '../dispatch/task-source.js'
import { checkCount, checkDuration, checkSignal, rejectUnknown } from '../process/process-options.js'
import { KeyCounter } from '../task/key.js'
import type { InvalidTask } from '../task/task.js'
import { uniqueId } from '../task/unique-id.js'
import type { BackendOptions } from './backend.js'
import { JobBatches } from './job-batches.js'
import { type QueueChoice, withQueue } from './open-queue.js'
import { checkRun, checkTag } from './task-envelope.js'
import { jobOf } from './task-jobs.js'
import type { EnvelopeSigner } from './trust.js'

/** How tasks are submitted. */
export interface SubmitOptions extends BackendOptions {
  /** Where the tasks go. */
  readonly queue: QueueChoice
  /**
   * The run's name: letters, digits, `_` and `-`. To submit the same tasks under the same name again adds only those that are not there.
   * Default: made up.
   */
  readonly run?: string | undefined
  /** Signs them. Default: nobody does. */
  readonly signer?: EnvelopeSigner | undefined
  /** A name whose limits hold for these tasks on all machines together, see {@link limit}. Default: none. */
  readonly tag?: string | undefined
  /** Milliseconds that a task may take which says nothing of it. Default: what the worker says. */
  readonly timeoutMs?: number | undefined
  /** How often a task is tried again which says nothing of it. Default: what the worker says. */
  readonly retries?: number | undefined
  /** Ends the submission; what was submitted stays. */
  readonly signal?: AbortSignal | undefined
  /** Told of what cannot be a task and was not submitted. Default: nobody is. */
  readonly onInvalid?: ((invalid: InvalidTask, info: { readonly index: number }) => void) | undefined
}

/** What became of a submission. */
export interface Submission {
  /** The run's id. */
  readonly run: string
  /** The queue's name. */
  readonly queue: string
  /** Tasks that are in the queue now, those that were there before included. */
  readonly submitted: number
  /** What could not be a task. */
  readonly invalid: number
}

const OPTIONS = ['queue', 'run', 'signer', 'tag', 'timeoutMs', 'retries', 'signal', 'onInvalid', 'telemetry']

/**
 * Puts tasks into a queue, for workers on any machine, and resolves when all are there. Memory grows by 24 bytes a task.
 *
 * @example
 * const { run } = await submit(tasks, { queue: 'redis://localhost' })
 * @throws (as a rejection) OptionError for an option that cannot be used, QueueError when the server is not there, and what the
 * iterable throws; what was submitted until then stays.
 */
export async function submit(tasks: Tasks, options: SubmitOptions): Promise<Submission> {
  rejectUnknown('submit()', options, OPTIONS)
  checkIterable(tasks)
  checkSignal(options.signal)
  const run = checkRun(options.run ?? uniqueId())
  const limits = jobLimits(options)
  return withQueue(options.queue, options, async ({ backend, queue, control }) => {
    if (options.run !== undefined) await backend.patiently(() => control.clear(run))
    const batches = new JobBatches(async (jobs) => void (await backend.patiently(() => queue.addBulk(jobs))))
    const keys = new KeyCounter()
    const defaults = { queue: queue.name, run, signer: options.signer, ...limits }
    let [index, invalid] = [0, 0]
    for await (const value of tasks) {
      options.signal?.throwIfAborted()
      const task = readTask(value)
      const place = index++
      if ('invalid' in task) {
        invalid += 1
        options.onInvalid?.(task, { index: place })
      } else await batches.add(jobOf(task, place, keys.keyOf(task), defaults))
    }
    await batches.end()
    return { run, queue: queue.name, submitted: index - invalid, invalid }
  })
}

/** @throws OptionError for a tag or a limit that cannot be one. */
export function jobLimits({ tag, timeoutMs, retries }: Pick<SubmitOptions, 'tag' | 'timeoutMs' | 'retries'>) {
  return {
    tag: tag === undefined ? undefined : checkTag(tag),
    timeoutMs: timeoutMs === undefined ? undefined : checkDuration('timeoutMs', timeoutMs),
    retries: retries === undefined ? undefined : checkCount('retries', retries),
  }
}
