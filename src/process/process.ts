import { constants } from 'node:os'
import type { OutputStream } from '../launcher/port.js'
import type { Log } from '../observe/logger.js'
import { noticeOpenTelemetry } from '../observe/opentelemetry/automatic.js'
import { checkedTask } from '../task/check-task.js'
import { DroverError, OptionError } from '../task/errors.js'
import type { Result } from '../task/result.js'
import type { Task, Text } from '../task/task.js'
import { Execution } from './execution.js'
import { onAbort } from './on-abort.js'
import type { Outcome } from './outcome.js'
import { OutputLines } from './output-lines.js'
import {
  type CheckedSettings,
  checkDuration,
  checkSettings,
  checkSignal,
  type ExecutionSettings,
  PROCESS_OPTIONS,
  rejectUnknown,
} from './process-options.js'
import { type ResultIdentity, resultOf, resultWithoutStart } from './result-of.js'
import { PIPES, startSpecOf, streamOf } from './start-spec.js'

/** How one command is run, and what it is: what a task has may stand here as well. All of it is optional. */
export interface ProcessOptions extends ExecutionSettings, Omit<Task, 'command' | 'args' | 'timeoutMs' | 'retries'> {
  /** Ends the process, tree and all, when it is aborted; the result is `cancelled`. */
  readonly signal?: AbortSignal | undefined
}

/** How the process is told to end. */
export interface KillOptions {
  /** Milliseconds between TERM and KILL; 0 is KILL at once. Default: the option `killGraceMs`. */
  readonly graceMs?: number
}

/** Starts one whose lines nobody can ask for, as {@link Process.start} does. */
export let startUnread: (child: Process) => void
/** What runs of it, for who steers it with others; null before it was started, and where it was ended before that. */
export let executionOf: (child: Process) => Execution | null

const OWN_RUN = 'process'
/** No run of a dispatcher has this scope; theirs end in a random part. */
const OWN_SCOPE = 'own'

/**
 * One command as an object.
 *
 * @typeParam Output - `string`, or `Buffer` with `encoding: 'buffer'`.
 */
export class Process<Output extends string | Buffer = string> implements AsyncDisposable {
  /** What it is called in messages: the option `name`, or else its id. */
  readonly name: string | null
  /** What runs. */
  readonly task: Task
  /** What became of it. Never rejects; pending until {@link start} was called and the process has ended. */
  readonly result: Promise<Result<Output>>
  readonly #settings: CheckedSettings
  readonly #lines: Readonly<Record<OutputStream, OutputLines<Output>>>
  readonly #signal: AbortSignal | undefined
  #execution: Execution | null = null
  #resolve!: (result: Result<Output>) => void
  #finished: Result<Output> | null = null
  #stopListening: (() => void) | null = null

  static {
    startUnread = (child) => child.#start(undefined)
    executionOf = (child) => child.#execution
  }

  /**
   * @param command - a line for the shell; or, with `args`, a program that is run directly.
   * @throws OptionError, or InputError for a command that cannot be one. Nothing is started yet.
   */
  constructor(command: Text | Task, options?: ProcessOptions)
  constructor(command: Text, args: readonly Text[], options?: ProcessOptions)
  constructor(command: Text | Task, argsOrOptions?: readonly Text[] | ProcessOptions, more?: ProcessOptions) {
    const { task, options } = splitArguments(command, argsOrOptions, more)
    this.task = task
    this.name = task.name ?? task.id ?? null
    this.#signal = options.signal
    this.#settings = checkSettings({ ...options, timeoutMs: task.timeoutMs ?? options.timeoutMs })
    this.result = new Promise((resolve) => {
      this.#resolve = resolve
    })
    const asText = this.#settings.encoding === 'utf8'
    const lines = (stream: OutputStream) => new OutputLines<Output>(asText, () => this.#printed(stream))
    this.#lines = { stdout: lines('stdout'), stderr: lines('stderr') }
  }

  /** Known once it has been started. */
  get pid(): number | null {
    return this.#execution?.pid ?? null
  }

  /** Whether it was started. */
  get started(): boolean {
    return this.#execution !== null || this.#finished !== null
  }

  /** Whether it has ended and {@link result} is known. */
  get finished(): boolean {
    return this.#finished !== null
  }

  /** Standard output, line by line, as it comes. The child waits for a reader that is behind. */
  get stdout(): AsyncIterable<Output> {
    return this.#lines.stdout
  }

  /** The same of standard error. */
  get stderr(): AsyncIterable<Output> {
    return this.#lines.stderr
  }

  /**
   * Starts it. What the system refuses is not thrown but becomes a result with state `spawn-failed`.
   *
   * @throws DroverError with code `ERR_DROVER_STARTED` when it was started or ended before.
   */
  start(): this {
    this.#start((stream, chunk) => this.#lines[stream].push(chunk))
    return this
  }

  #start(onOutput: ((stream: OutputStream, chunk: Buffer) => void | Promise<void>) | undefined): void {
    if (this.started) {
      const name = this.name === null ? 'this process' : `process ${this.name}`
      throw new DroverError(
        'ERR_DROVER_STARTED',
        `${name} was started or ended before; create a new one to run it again`,
      )
    }
    if (this.#signal?.aborted === true) {
      this.#finish(
        resultWithoutStart(this.task, this.#identity(), 'cancelled', abortError(this.#signal), this.#settings.encoding),
      )
      return
    }
    noticeOpenTelemetry()
    const { leftovers } = this.#settings
    this.#execution = new Execution({
      ...this.#settings,
      spec: startSpecOf(this.task, OWN_SCOPE, PIPES, leftovers === 'keep'),
      input: streamOf(this.task),
      onOutput,
      onDone: (outcome) => this.#onDone(outcome),
    })
    this.#settings.log?.debug({ name: this.name }, 'process started')
    this.#execution.start()
    this.#listenForAbort()
  }

  /**
   * Ends it with its whole tree: TERM, grace, KILL; the group, the session and what left them. Resolves when nothing of
   * the tree is left. The result's state is `cancelled`, unless it had ended before.
   *
   * @throws (as a rejection) OptionError for a `graceMs` that is no number of milliseconds.
   */
  async kill(options: KillOptions = {}): Promise<void> {
    if (this.#execution === null) return this.#cancelUnstarted()
    const cause = { state: 'cancelled', error: { code: 'ERR_DROVER_KILLED', message: 'ended by kill()' } } as const
    const graceMs = checkDuration('graceMs', options.graceMs ?? this.#settings.killGraceMs)
    if (graceMs === 0) this.#execution.endNow(cause)
    else this.#execution.end(cause, graceMs)
    await this.result
    await this.#execution.ending
  }

  /** Resolves, after the result, once nothing of the tree is left that is to be ended. */
  get gone(): Promise<void> {
    return this.result.then(async () => {
      await this.#execution?.ending
    })
  }

  /**
   * Sends a signal to the whole tree; resolves to how many processes it reached.
   *
   * @throws OptionError for a name that is no signal.
   */
  signal(signal: NodeJS.Signals): Promise<number> {
    if (!Object.hasOwn(constants.signals, signal)) {
      throw new OptionError(`signal: expected a name such as SIGUSR1, not ${JSON.stringify(signal)}`)
    }
    return this.#execution?.signalTree(signal) ?? Promise.resolve(0)
  }

  /** Ends it if it runs; `await using` does this. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  /** One that was told to end before its start is not started any more. */
  #cancelUnstarted(): void {
    if (this.#finished !== null) return
    const error = { code: 'ERR_DROVER_KILLED', message: 'ended by kill() before it was started' }
    this.#finish(resultWithoutStart(this.task, this.#identity(), 'cancelled', error, this.#settings.encoding))
  }

  #identity(): ResultIdentity {
    return { run: OWN_RUN, index: 0, key: null, attempt: this.#execution === null ? 0 : 1, attempts: 1, queuedMs: 0 }
  }

  #onDone(outcome: Outcome): void {
    this.#finish(resultOf(this.task, this.#identity(), outcome, this.#settings.encoding))
  }

  #finish(result: Result): void {
    this.#stopListening?.()
    this.#finished = result as Result<Output>
    if (this.#settings.log !== null) logEnd(this.#settings.log, this.name, result)
    // Readers have what came, whether or not a descendant holds the stream open.
    this.#lines.stdout.end()
    this.#lines.stderr.end()
    this.#resolve(this.#finished)
  }

  /** What is kept of a stream. */
  #printed(stream: OutputStream): Buffer {
    const result = this.#finished
    // A copy: what is captured goes on changing.
    if (result === null) return Buffer.from(this.#execution?.capture[stream].bytes() ?? [])
    const kept = result[stream]
    if (typeof kept !== 'string') return kept
    const base64 = result[`${stream}Base64`]
    return base64 === undefined ? Buffer.from(kept) : Buffer.from(base64, 'base64')
  }

  #listenForAbort(): void {
    const signal = this.#signal
    if (signal === undefined) return
    this.#stopListening = onAbort(signal, () => this.#execution?.end({ state: 'cancelled', error: abortError(signal) }))
  }
}

function logEnd(log: Log, name: string | null, { state, exitCode, signal, durationMs, pid, error }: Result): void {
  const fields = { name, state, exitCode, signal, durationMs, pid, ...(error !== null && { error }) }
  if (state === 'spawn-failed') log.warn(fields, 'process could not be started')
  else log.debug(fields, 'process ended')
}

function splitArguments(
  command: Text | Task,
  argsOrOptions: readonly Text[] | ProcessOptions | undefined,
  more: ProcessOptions | undefined,
): { task: Task; options: ProcessOptions } {
  if (argsOrOptions !== undefined && (typeof argsOrOptions !== 'object' || argsOrOptions === null)) {
    throw new OptionError(
      `expected an array of arguments, or options, after the command, not ${JSON.stringify(argsOrOptions)}`,
    )
  }
  const args = Array.isArray(argsOrOptions) ? (argsOrOptions as readonly Text[]) : undefined
  const options: ProcessOptions = (args === undefined ? (argsOrOptions as ProcessOptions | undefined) : more) ?? {}
  rejectUnknown('run() and Process', options, PROCESS_OPTIONS)
  checkSignal(options.signal)
  const own = isTask(command) ? command : args === undefined ? { command } : { command, args }
  const { id, name, cwd, env, stdin, stdinFile, stdinRanges, meta, weight, priority } = options
  const given = Object.entries({ id, name, cwd, env, stdin, stdinFile, stdinRanges, meta, weight, priority })
  return {
    task: checkedTask({ ...own, ...Object.fromEntries(given.filter(([, value]) => value !== undefined)) }),
    options,
  }
}

function isTask(command: Text | Task): command is Task {
  return typeof command === 'object' && command !== null && !(command instanceof Uint8Array) && !('base64' in command)
}

export function abortError(signal: AbortSignal): { code: string; message: string } {
  const { reason } = signal
  return {
    code: 'ERR_DROVER_ABORTED',
    message: `aborted: ${reason instanceof Error ? reason.message : String(reason)}`,
  }
}
