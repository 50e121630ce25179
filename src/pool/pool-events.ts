import type { EventEmitter } from 'node:events'
import type { OutputStream } from '../launcher/port.js'
import type { Log } from '../observe/logger.js'
import type { CrewEvents } from './crew.js'
import type { WorkerError } from './pool-errors.js'
import type { PoolWorker } from './pool-worker.js'

/** A worker that is there no more. */
export interface WorkerExit {
  /** Null where it was never started. */
  readonly pid: number | null
  /** Null where a signal ended it. */
  readonly exitCode: number | null
  /** Name of the signal that it died of, as in `SIGKILL`. */
  readonly signal: string | null
  /** Why, unless it was asked to exit. */
  readonly error: WorkerError | null
  /** How many requests it had answered. */
  readonly answered: number
  /** The end, 8 KiB at the most, of what it printed outside of requests, and of all that it wrote to standard error. */
  readonly stdout: string
  /** The same of standard error, of all that it wrote there. */
  readonly stderr: string
}

/** What a {@link ProcessPool} emits. What a listener throws is an uncaught exception, and the pool goes on. */
export interface PoolEvents {
  /** A worker is being started; its pid is known a moment later. */
  start: [worker: { readonly number: number }]
  /** Nothing is left of a worker. */
  exit: [worker: WorkerExit]
  /** Something that people should know of a pool that goes on all the same. */
  warning: [message: string]
  /** A worker printed something that belongs to no request for certain. */
  output: [output: { readonly pid: number | null; readonly stream: OutputStream; readonly chunk: Buffer }]
}

/** What becomes of a crew, as its pool emits and logs it. */
export function crewEventsOf(pool: EventEmitter<PoolEvents>, log: Log | null, onStarted: () => void): CrewEvents {
  return {
    onStart: (worker) => {
      onStarted()
      log?.debug({ worker: worker.number }, 'worker started')
      guard(() => pool.emit('start', { number: worker.number }))
    },
    onGone: (worker) => {
      if (log !== null) logExit(log, worker)
      guard(() => pool.emit('exit', exitOf(worker)))
    },
    onPrinted: (worker, stream, chunk) => guard(() => pool.emit('output', { pid: worker.pid, stream, chunk })),
    onWarning: (message) => {
      log?.warn({}, message)
      guard(() => pool.emit('warning', message))
    },
  }
}

/** What a listener throws is an uncaught exception, as it is always, but the pool goes on. */
function guard(tell: () => void): void {
  try {
    tell()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}

function logExit(log: Log, { number, pid, requests: { answered }, process: { exit }, failure }: PoolWorker): void {
  const { exitCode = null, signal = null } = exit ?? {}
  const fields = { worker: number, pid, exitCode, signal, answered }
  if (failure === null) log.debug(fields, 'worker ended')
  else log.warn({ ...fields, err: failure }, 'worker failed')
}

function exitOf(worker: PoolWorker): WorkerExit {
  const { exitCode = null, signal = null } = worker.process.exit ?? {}
  return {
    pid: worker.pid,
    exitCode,
    signal,
    error: worker.failure,
    answered: worker.requests.answered,
    stdout: worker.process.tail('stdout'),
    stderr: worker.process.tail('stderr'),
  }
}
