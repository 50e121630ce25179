import type { DispatchSourceOptions } from '../dispatch/dispatch.js'
import { queueTelemetry } from '../fleet/dashboard/telemetry.js'
import { QueueRunner } from '../fleet/queue-runner.js'
import type { SubmitOptions } from '../fleet/submit.js'
import { readKeyFiles, taskSigner } from '../fleet/trust/index.js'
import type { TaskInput } from '../input/input.js'
import { launcherFor } from '../launcher/default-launcher.js'
import { OptionError } from '../task/errors.js'
import { isConclusive, type ResultState } from '../task/result.js'
import { type HeldQueue, holdQueue } from './queue-address.js'
import { countOf, durationOf, type PrintingOptions } from './run-options.js'
import type { QueuedWords, RunWords } from './run-words.js'
import { checkHalt, given, parseJobs } from './values.js'

/** A run whose tasks go to a queue, as it was asked for. */
export interface QueueRequest {
  /** What tasks are submitted with. @throws (as a rejection) OptionError, DroverError where there is no server. */
  submitOptions(): Promise<SubmitOptions>
  /** What the run here is told: nothing of how tasks run, since that is the workers' to say. */
  dispatch(printing: PrintingOptions): DispatchSourceOptions
  /** Opens the queue. @throws (as a rejection) OptionError, QueueError. */
  open(input: TaskInput): Promise<QueueRunner>
  /** Lets go of the server. */
  close(): Promise<void>
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
  cpus: '--cpus',
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
  if (words.halt !== undefined) checkHalt('--halt', words.halt)
  if (words.lifetime !== undefined && words.key === undefined)
    throw new OptionError('--lifetime is how long a signature is good; give a key with --key')
  const keys = words.key === undefined ? null : readKeyFiles(words.key)
  const lifetimeMs = durationOf('--lifetime', words.lifetime)
  const limits = {
    timeoutMs: durationOf('--timeout', words.timeout),
    retries: countOf('--retries', words.retries, 0),
  }
  const again = (state: ResultState) => (words.retryFailed === true ? state !== 'succeeded' : !isConclusive(state))
  let held: HeldQueue | null = null
  const submitOptions = async () => {
    held ??= await holdQueue(words)
    const { address } = held
    const signer = keys === null ? undefined : taskSigner(address, keys, lifetimeMs)
    const telemetry = await queueTelemetry()
    return given({ queue: address, run: words.run, tag: words.queueTag, signer, telemetry, ...limits }) as SubmitOptions
  }
  return {
    submitOptions,
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
      return QueueRunner.open({ ...(await submitOptions()), again, whenEnded })
    },
    close: async () => held?.close(),
  }
}

/** @throws OptionError where a number is asked for that only a worker could know. */
export function checkSlot({ usesSlot }: TaskInput): void {
  if (usesSlot)
    throw new OptionError('{%} is the number of a slot on one machine, which a queue does not know; leave it out')
}
