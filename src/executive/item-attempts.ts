import { backoffMs, isRetried } from '../dispatch/backoff.js'
import type { Log } from '../observe/logger.js'
import type { Lease } from '../pool/lease.js'
import type { ProcessPool } from '../pool/process-pool.js'
import type { ResultError } from '../task/result.js'
import type { CheckedForEach } from './for-each-options.js'
import { type Failure, failureOf, type ItemResult } from './item-result.js'
import type { PassedOutput } from './passed-output.js'

/** What an item needs of its run. */
export interface AttemptsHost {
  readonly options: CheckedForEach
  readonly passed: PassedOutput | null
  /** Why the run ends before its source, when it does. */
  ended(): ResultError | null
  /** @throws ClosedError when the run is being ended. */
  open(): ProcessPool
  /** No process could be started, several times in a row. */
  onStartError(error: unknown): void
  /** Resolves after so many milliseconds, or when the run ends. */
  pause(ms: number): Promise<void>
}

export interface PulledItem {
  readonly item: unknown
  readonly index: number
  readonly pulledMs: number
}

/** Has an item handled, again and again where it may be; resolves to its result, and never rejects. */
export async function handleItem(pulled: PulledItem, host: AttemptsHost): Promise<ItemResult> {
  const { attempts, backoffMs: baseMs, log } = host.options
  for (let attempt = 1; ; attempt++) {
    const result = await new ItemAttempt(pulled, attempt, host).run()
    if (log !== null) logAttempt(log, result)
    if (!isRetried(result.state) || attempt === attempts || host.ended() !== null) return result
    log?.warn({ index: pulled.index, state: result.state, attempt, attempts }, 'item is tried again')
    await host.pause(backoffMs(baseMs, attempt))
    if (host.ended() !== null) return result
  }
}

function logAttempt(log: Log, { index, state, attempt, durationMs, pid, error }: ItemResult): void {
  const fields = {
    index,
    state,
    attempt,
    durationMs,
    pid,
    ...(error !== null && { error: { code: error.code, message: error.message } }),
  }
  if (state === 'spawn-failed') log.warn(fields, 'item could not be handled: no process could be started')
  else log.debug(fields, 'item ended')
}

/** The result of one that no process ever had. */
export function resultWithoutAttempt(
  { item, index, pulledMs }: PulledItem,
  attempts: number,
  failure: Failure,
): ItemResult {
  return {
    index,
    item,
    ...failure,
    value: undefined,
    ...{ stdout: '', stderr: '', stdoutBytes: 0, stderrBytes: 0, truncated: false },
    attempt: 0,
    attempts,
    startedAt: null,
    durationMs: 0,
    queuedMs: performance.now() - pulledMs,
    pid: null,
  }
}

/** One process, and one item. */
class ItemAttempt {
  readonly #pulled: PulledItem
  readonly #attempt: number
  readonly #host: AttemptsHost
  readonly #bytes = { stdout: 0, stderr: 0 }

  constructor(pulled: PulledItem, attempt: number, host: AttemptsHost) {
    this.#pulled = pulled
    this.#attempt = attempt
    this.#host = host
  }

  async run(): Promise<ItemResult> {
    let lease: Lease
    try {
      lease = await this.#takeWorker()
    } catch (error) {
      const failure = failureOf(error, this.#host.ended())
      if (failure.state === 'spawn-failed') this.#host.onStartError(error)
      return this.#withoutStart(failure)
    }
    const { pid } = lease
    const { pulledMs } = this.#pulled
    this.#host.options.log?.debug({ index: this.#pulled.index, attempt: this.#attempt, pid }, 'item started')
    const startedAt = new Date().toISOString()
    const startedMs = performance.now()
    const outcome = await this.#ask(lease)
    const durationMs = performance.now() - startedMs
    const [stdout, stderr] = [lease.stdout, lease.stderr]
    this.#host.passed?.endLines(pid)
    lease.release()
    const { item, index } = this.#pulled
    const { stdout: stdoutBytes, stderr: stderrBytes } = this.#bytes
    const { attempts, maxOutputBytes } = this.#host.options
    return {
      index,
      item,
      ...outcome,
      stdout,
      stderr,
      stdoutBytes,
      stderrBytes,
      truncated: Math.max(stdoutBytes, stderrBytes) > maxOutputBytes,
      attempt: this.#attempt,
      attempts,
      startedAt,
      durationMs,
      queuedMs: startedMs - pulledMs,
      pid,
    }
  }

  /** A worker may die between being ready and being taken: that is nothing to the item. */
  async #takeWorker(): Promise<Lease> {
    for (;;) {
      const lease = await this.#host.open().acquire()
      if (!lease.hasFailed) return lease
      lease.release()
    }
  }

  async #ask(lease: Lease): Promise<Pick<ItemResult, 'state' | 'value' | 'error'>> {
    try {
      const { value } = await lease.sendRequest(this.#pulled.item, {
        onOutput: (stream, chunk) => {
          this.#bytes[stream] += chunk.length
          this.#host.passed?.print(lease.pid, stream, chunk)
        },
      })
      return { state: 'succeeded', value, error: null }
    } catch (error) {
      return { value: undefined, ...failureOf(error, this.#host.ended()) }
    }
  }

  #withoutStart(failure: Failure): ItemResult {
    const { attempts } = this.#host.options
    const state = failure.state === 'cancelled' ? 'skipped' : failure.state
    const tried = failure.state === 'spawn-failed' ? this.#attempt : this.#attempt - 1
    return { ...resultWithoutAttempt(this.#pulled, attempts, { ...failure, state }), attempt: tried }
  }
}
