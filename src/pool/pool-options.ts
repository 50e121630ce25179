import type { LauncherChoice } from '../launcher/default-launcher.js'
import type { Launcher } from '../launcher/port.js'
import type { Log, Logger } from '../observe/logger.js'
import type { CheckedLimits, Limits } from '../process/limits.js'
import type { OutputEncoding } from '../process/result-of.js'
import type { SlotSourceMaker } from '../slots/slot-source.js'
import type { SlotOptions } from '../slots/slot-sources.js'
import type { Task } from '../task/task.js'

/** How a pool and its workers talk; byte for byte in `docs/protocol.md`. */
export type PoolProtocol = 'frames' | 'lines' | 'process-pool'

/** All of it is optional, but for `protocol` where the worker is a command. */
export interface PoolOptions extends Limits, SlotOptions {
  /** How the workers talk. A JavaScript module speaks `frames`; for a command it must be given. */
  readonly protocol?: PoolProtocol | undefined
  /** How many workers are kept, also with nothing to do. They are started at once. Default: 0. */
  readonly min?: number | undefined
  /** How many workers there are at the most. Default: the CPUs that this process may really use, or `min`. */
  readonly max?: number | undefined
  /**
   * How many workers with nothing to do are kept; from `min` to `max`, or Infinity for as many as there may be. One more is
   * asked to exit as soon as it has answered. Default: the smaller of `min` + 5 and `max`.
   */
  readonly maxSpare?: number | undefined
  /**
   * How many requests a worker may have been sent before it has answered them. More than 1 saves the time between an answer
   * and the next request, which is most of it with small ones; but a worker that dies takes all of them with it, one that takes long
   * holds up those behind it, and what comes over the pipe of standard error belongs to none of them for certain. Only when all of
   * `max` are busy does a worker get a second one. Default: 1; not for `process-pool`.
   */
  readonly pipeline?: number | undefined
  /**
   * Milliseconds for which this process, and a worker that is a module, look again and again for the next message in place of sleeping,
   * as long as one request is under way in this process and that is how soon messages come. It makes the way there and back shorter than
   * the system takes to wake a process, for processor time that would have been idle. 0 is never. Default: 0.2, and 0 where there is one CPU.
   */
  readonly busyPollMs?: number | undefined
  /** What happens to a request when all of `max` are in use: it waits, or is rejected with PoolExhaustedError. Default: `wait`. */
  readonly exhausted?: 'wait' | 'throw' | undefined
  /** How many requests may wait; one more is rejected with PoolExhaustedError. Default: 100,000. */
  readonly maxQueue?: number | undefined
  /** Milliseconds that a worker may take to answer, from when it was sent the request; 0 is no limit. Default: 0. */
  readonly timeoutMs?: number | undefined
  /** How often a request is sent to another worker when the one that had it died. It may then be handled twice. Default: 0. */
  readonly retries?: number | undefined
  /** Replaces a worker after so many requests; 1 is a fresh process for each. 0 is no limit. Default: 0. */
  readonly maxRequests?: number | undefined
  /** Replaces a worker that is so many milliseconds old, as soon as it has nothing to do. 0 is no limit. Default: 0. */
  readonly maxAgeMs?: number | undefined
  /** Asks workers beyond `min` to exit that had nothing to do for so many milliseconds. 0 is no limit. Default: 0. */
  readonly maxIdleMs?: number | undefined
  /**
   * Replaces a worker whose resident memory, with that of the processes below it, is larger than so many bytes, as soon as it
   * has answered. 0 is no limit. Linux only. Default: 0.
   */
  readonly recycleMemoryBytes?: number | undefined
  /** Milliseconds between two looks at ages, idle times, memory (for `recycleMemoryBytes`) and health. Default: 500. */
  readonly checkIntervalMs?: number | undefined
  /** Asks a worker that had nothing to do for so many milliseconds whether it is well. 0 is never. Default: 0. */
  readonly healthCheckMs?: number | undefined
  /** Milliseconds that it may take for the answer before it is replaced. Default: 5,000. */
  readonly healthTimeoutMs?: number | undefined
  /** The request that asks for it, with `lines` and `process-pool`; any answer will do. `frames` has a message of its own. */
  readonly healthRequest?: string | Uint8Array | undefined
  /** Milliseconds that a worker may take to get ready; 0 is no limit. Only `frames` tells. Default: 60,000. */
  readonly startTimeoutMs?: number | undefined
  /** How many workers in a row may fail at their start before all that waits gets the reason. Default: 3. */
  readonly maxStartFailures?: number | undefined
  /** Milliseconds of pause after the first of them, doubled with each, up to 10,000. Default: 100. */
  readonly startBackoffMs?: number | undefined
  /** Bytes of the longest message that is taken from a worker; at most 1 GiB, and 512 MiB as text. Default: 256 MiB. */
  readonly maxMessageBytes?: number | undefined
  /** Bytes of each of its streams that an answer keeps, beginning and end. Default: 16 MiB; at most 256 MiB. */
  readonly maxOutputBytes?: number | undefined
  /** Milliseconds that a worker has to exit when asked, and then again after TERM, before KILL. Default: 5,000. */
  readonly killGraceMs?: number | undefined
  /** Whether output, and answers of `lines` and `process-pool`, are given as text or as bytes. Default: `utf8`. */
  readonly encoding?: OutputEncoding | undefined
  /** The workers' directory. Default: this process's. */
  readonly cwd?: string | undefined
  /** Differences to this process's environment; null removes a variable. */
  readonly env?: Task['env']
  /** Options for Node, where the worker is a module, as `--max-old-space-size=200`. */
  readonly execArgv?: readonly string[] | undefined
  /** What starts the processes. Default: the best that works here. */
  readonly launcher?: LauncherChoice | undefined
  /** Told what is going on with the workers, as of `pino`, or `console`. Default: nothing is written anywhere. */
  readonly logger?: Logger | undefined
}

export interface CheckedPoolOptions {
  readonly protocol: PoolProtocol
  readonly min: number
  /** The only ones that change: see {@link ProcessPool.max}. */
  max: number
  maxSpare: number
  readonly pipeline: number
  readonly busyPollMs: number
  readonly exhausted: 'wait' | 'throw'
  readonly maxQueue: number
  readonly timeoutMs: number
  readonly retries: number
  readonly maxRequests: number
  readonly maxAgeMs: number
  readonly maxIdleMs: number
  readonly recycleMemoryBytes: number
  readonly limits: CheckedLimits
  /** What has to agree before a worker starts, or gets something to do. */
  readonly slotSources: readonly SlotSourceMaker[]
  readonly checkIntervalMs: number
  readonly healthCheckMs: number
  readonly healthTimeoutMs: number
  readonly healthRequest: string | Uint8Array | undefined
  readonly startTimeoutMs: number
  readonly maxStartFailures: number
  readonly startBackoffMs: number
  readonly maxMessageBytes: number
  readonly maxOutputBytes: number
  readonly killGraceMs: number
  readonly encoding: OutputEncoding
  readonly launcher: Launcher
  readonly log: Log | null
  /** What is started. */
  readonly task: Task
  /** The same as it was asked for. */
  readonly program: Pick<Task, 'command' | 'args'>
  /** Whether the worker is a module that Node runs, of the version that runs this. */
  readonly isModule: boolean
}
