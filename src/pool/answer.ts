import type { OutputStream } from '../launcher/port.js'

/** What a worker printed for a request. */
export interface Printed<Output extends string | Buffer = string | Buffer> {
  /** As far as `maxOutputBytes` of each stream go. */
  readonly stdout: Output
  /** The same of standard error. */
  readonly stderr: Output
  /** The true size, whatever was kept. */
  readonly stdoutBytes: number
  /** The same of standard error. */
  readonly stderrBytes: number
  /** Whether `stdout` and `stderr` hold less than all that was printed. */
  readonly truncated: boolean
}

/**
 * What became of a request.
 *
 * @typeParam Value - what the handler returns (`frames`), or the answer's text or bytes.
 * @typeParam Output - `string`, or `Buffer` with `encoding: 'buffer'`.
 */
export interface Answer<Value = unknown, Output extends string | Buffer = string> extends Printed<Output> {
  /** What the handler returned (`frames`), the line (`lines`), or what it printed (`process-pool`). */
  readonly value: Value
  /** Of the worker. */
  readonly pid: number
  /** Milliseconds that it waited for a worker. */
  readonly queuedMs: number
  /** Milliseconds from when it was sent to when it was answered. */
  readonly durationMs: number
}

/** How one request is made. All of it is optional. */
export interface RequestOptions {
  /** Gives the request up when it is aborted; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds that the worker may take, from when it was sent the request; 0 is no limit. Default: the pool's. */
  readonly timeoutMs?: number | undefined
  /**
   * Called with each piece that the worker prints for this request, as it comes, beside what the answer keeps. The piece belongs
   * to the callee; when it throws, the request is rejected with that.
   */
  readonly onOutput?: ((stream: OutputStream, chunk: Buffer) => void) | undefined
  /** Higher first; equals in the order they came. Default: 0. */
  readonly priority?: number | undefined
  /** How often it is sent to another worker when the one that had it died; it may then be handled twice. Default: the pool's. */
  readonly retries?: number | undefined
}
