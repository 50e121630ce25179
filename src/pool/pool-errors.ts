import { DroverError } from '../task/errors.js'
import type { Printed } from './answer.js'
import type { RemoteError } from './conversation.js'

/** What is known of a worker that failed. */
export interface WorkerErrorDetails {
  /** Of the worker; null where it was never started. */
  readonly pid: number | null
  /** Null where a signal ended it, and where it has not ended yet. */
  readonly exitCode: number | null
  /** Name of the signal that it died of, as in `SIGKILL`. */
  readonly signal: string | null
  /** The end of what the worker wrote to its standard error, 8 KiB at the most. */
  readonly stderr: string
  /** The beginning of what it wrote to its standard output against the protocol; else empty. */
  readonly output: string
}

/**
 * The worker that had a request, or should have got it, is of no use any more. `code` tells why:
 *
 * - `ERR_DROVER_WORKER_DIED`: it ended, or was ended, before it had answered
 * - `ERR_DROVER_WORKER_START`: workers could not be started, or ended before they were ready, several times in a row
 * - `ERR_DROVER_WORKER_PROTOCOL`: what it wrote is against the protocol
 * - `ERR_DROVER_WORKER_MEMORY`: it used more than `maxMemoryBytes`, and was ended
 * - `ERR_DROVER_WORKER_PROCESSES`, `ERR_DROVER_WORKER_CPU_TIME`, `ERR_DROVER_WORKER_FILE_SIZE`: the same of its other limits
 * - `ERR_DROVER_WORKER_LOST`: the launcher died under it
 *
 * Whether the request had been handled is not known, but with `ERR_DROVER_WORKER_START`: then it was never sent.
 */
export class WorkerError extends DroverError implements WorkerErrorDetails {
  override readonly name = 'WorkerError'
  readonly pid: number | null
  readonly exitCode: number | null
  readonly signal: string | null
  readonly stderr: string
  readonly output: string

  constructor(code: string, message: string, details: WorkerErrorDetails, options?: ErrorOptions) {
    super(code, message, options)
    this.pid = details.pid
    this.exitCode = details.exitCode
    this.signal = details.signal
    this.stderr = details.stderr
    this.output = details.output
  }
}

/** The handler threw: `ERR_DROVER_HANDLER`. The worker goes on. */
export class HandlerError extends DroverError implements Printed {
  override readonly name = 'HandlerError'
  /** What it threw. */
  readonly remote: RemoteError
  /** What it had printed for this request. */
  readonly stdout: string | Buffer
  /** The same of standard error. */
  readonly stderr: string | Buffer
  readonly stdoutBytes: number
  /** The same of standard error. */
  readonly stderrBytes: number
  readonly truncated: boolean
  /** Of its worker. */
  readonly pid: number

  constructor(remote: RemoteError, printed: Printed & { readonly pid: number }) {
    super('ERR_DROVER_HANDLER', `the worker's handler failed: ${remote.name}: ${remote.message}`)
    this.remote = remote
    this.stdout = printed.stdout
    this.stderr = printed.stderr
    this.stdoutBytes = printed.stdoutBytes
    this.stderrBytes = printed.stderrBytes
    this.truncated = printed.truncated
    this.pid = printed.pid
  }
}

/** The worker did not answer within `timeoutMs`: `ERR_DROVER_TIMEOUT`. */
export class RequestTimeoutError extends DroverError {
  override readonly name = 'RequestTimeoutError'

  constructor(timeoutMs: number, what: string) {
    super('ERR_DROVER_TIMEOUT', `${what} within ${timeoutMs} ms`)
  }
}

/** Every worker is in use, or the queue is full: `ERR_DROVER_EXHAUSTED`. The request was not taken. */
export class PoolExhaustedError extends DroverError {
  override readonly name = 'PoolExhaustedError'

  constructor(message: string) {
    super('ERR_DROVER_EXHAUSTED', message)
  }
}
