import type { DispatchSourceOptions } from '../dispatch/dispatch.js'
import { parseHalt } from '../dispatch/halt.js'
import type { QueueAddress } from '../fleet/address.js'
import { findQueueAddress } from '../fleet/find-address.js'
import { QueueRunner } from '../fleet/queue-runner.js'
import type { SubmitOptions } from '../fleet/submit.js'
import type { TaskInput } from '../input/input.js'
import { launcherFor } from '../launcher/default-launcher.js'
import { OptionError } from '../task/errors.js'
import { isConclusive, type ResultState } from '../task/result.js'
import { countOf, durationOf, type PrintingOptions } from './run-options.js'
import type { QueuedWords, QueueWords, RunWords } from './run-words.js'
import { given, parseJobs } from './values.js'

/** A run whose tasks go to a queue, as it was asked for. */
export interface QueueRequest {
  readonly submit: SubmitOptions
  /** What the run here is told: nothing of how tasks run, since that is the workers' to say. */
  dispatch(printing: PrintingOptions): DispatchSourceOptions
  /** Opens the queue. @throws (as a rejection) OptionError, QueueError. */
  open(input: TaskInput): Promise<QueueRunner>
}

/** Tasks of a run that are in the queue at once, where it waits for their results. */
const AHEAD = 10_000

/** Options that say how a machine runs tasks, which only the machine itself can. */
const OF_WORKERS: Readonly<Partial<Record<keyof RunWords, string>>> = {
  jobsFile: '--jobs-file',
  backoff: '--backoff',
  delay: '--delay',
  killGrace: '--kill-grace',
  leftovers: '--leftovers',
  maxOutput: '--max-output',
  load: '--load',
  memfree: '--memfree',
  pressure: '--pressure',
  maxMemory: '--max-memory',
  maxProcesses: '--max-processes',
  maxCpuTime: '--max-cpu-time',
  maxFileSize: '--max-file-size',
  nice: '--nice',
  slots: '--slots',
  jobserver: '--jobserver',
  jobserverForm: '--jobserver-form',
}

/**
 * @param whenEnded - what becomes of the tasks in the queue when the run is ended here.
 * @throws OptionError for options that cannot be used with a queue.
 */
export function queueRequest(words: QueuedWords, whenEnded: 'cancel' | 'leave'): QueueRequest {
  const [, name] = Object.entries(OF_WORKERS).find(([word]) => words[word as keyof RunWords] !== undefined) ?? []
  if (name !== undefined)
    throw new OptionError(`${name} is for the machines that run the tasks; give it to drover work there`)
  if (words.results !== undefined)
    throw new OptionError('--results keeps output here, and the tasks run elsewhere; see --outputs of drover work')
  if (words.ungroup === true)
    throw new OptionError('--ungroup lets tasks print by themselves, which they cannot do from other machines')
  if (words.halt !== undefined) parseHalt(words.halt)
  const submit = given({
    queue: queueAddress(words),
    run: words.run,
    timeoutMs: durationOf('--timeout', words.timeout),
    retries: countOf('--retries', words.retries, 0),
  }) as SubmitOptions
  const again = (state: ResultState) => (words.retryFailed === true ? state !== 'succeeded' : !isConclusive(state))
  return {
    submit,
    dispatch: ({ json }) =>
      given({
        concurrency: words.jobs === undefined ? AHEAD : parseJobs(words.jobs),
        totalTimeoutMs: durationOf('--total-timeout', words.totalTimeout),
        halt: words.halt,
        encoding: json !== null || words.journal !== undefined ? ('buffer' as const) : undefined,
        launcher: launcherFor(words.launcher as 'auto' | 'native' | 'node' | undefined, { unchanging: true }),
      }),
    open: async (input) => {
      checkSlot(input)
      return QueueRunner.open({ ...submit, again, whenEnded })
    },
  }
}

/** @throws OptionError where a number is asked for that only a worker could know. */
export function checkSlot({ usesSlot }: TaskInput): void {
  if (usesSlot)
    throw new OptionError('{%} is the number of a slot on one machine, which a queue does not know; leave it out')
}

/** @throws OptionError where no address is given, or one that cannot be used. */
export function queueAddress({ queue, queueFile }: QueueWords): QueueAddress {
  const address = findQueueAddress({ given: queue === '-' ? undefined : queue, file: queueFile })
  if (address !== null) return address
  throw new OptionError('which queue? Name it with --queue URL, with --queue-file FILE, or in DROVER_QUEUE')
}
