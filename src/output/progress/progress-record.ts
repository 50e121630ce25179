import { closeSync, constants, openSync, readSync } from 'node:fs'
import { isFailure, type Result } from '../../task/result.js'
import { commandText, displayText, type Text } from '../../task/task.js'
import type { FailedTask } from './progress-state.js'
import { endWords } from './progress-words.js'

/** A piece of what a running task prints. */
export interface ProgressOutput {
  /** Position of the task, from 0. */
  readonly index: number
  /** Which try it comes from, from 1. */
  readonly attempt: number
  /** Which of the two it was printed to. */
  readonly stream: 'stdout' | 'stderr'
  /** What was printed. */
  readonly chunk: Uint8Array
}

/** What a result is, for who shows progress. */
export type ProgressResult = Pick<
  Result<string | Uint8Array>,
  | 'index'
  | 'id'
  | 'state'
  | 'exitCode'
  | 'signal'
  | 'error'
  | 'durationMs'
  | 'stderr'
  | 'stderrFile'
  | 'command'
  | 'args'
>

/** Failures that are remembered. */
const MOST_FAILURES = 20
/** How much of the beginning of standard error is looked at. */
const BEGINNING_BYTES = 256
const MOST_COMMAND = 200
/** Of so many tasks at the least it is known how long they usually take. */
const LEAST_USUAL = 5

interface Failure {
  readonly result: ProgressResult
  /** Null where it is in a file that was not looked at yet. */
  stderr: Text | null
}

interface Beginning {
  attempt: number
  bytes: Buffer
}

/** What has to be noted while it happens, so that progress can be shown: for each task a little work, whatever is shown of it. */
export class ProgressRecord {
  /** Of tasks that run and have printed to standard error. */
  readonly #beginnings = new Map<number, Beginning>()
  readonly #failures: Failure[] = []
  readonly #isCommandShown: boolean
  #succeeded = 0
  /** The mean of the logarithms of durations, so that a few long tasks do not make it long; the latest count for more. */
  #logMs = 0

  /** @param isCommandShown - whether the command of a result says what it was. */
  constructor(isCommandShown = true) {
    this.#isCommandShown = isCommandShown
  }

  output({ index, attempt, stream, chunk }: ProgressOutput): void {
    if (stream !== 'stderr') return
    const known = this.#beginnings.get(index)
    if (known !== undefined && known.attempt >= attempt) {
      const room = BEGINNING_BYTES - known.bytes.length
      if (room > 0 && known.attempt === attempt) known.bytes = Buffer.concat([known.bytes, chunk.subarray(0, room)])
    } else this.#beginnings.set(index, { attempt, bytes: Buffer.from(chunk.subarray(0, BEGINNING_BYTES)) })
  }

  result(result: ProgressResult): void {
    const beginning = this.#beginnings.get(result.index)
    if (beginning !== undefined) this.#beginnings.delete(result.index)
    if (result.state === 'succeeded') this.#noteDuration(result.durationMs)
    if (!isFailure(result.state)) return
    if (this.#failures.length === MOST_FAILURES) this.#failures.shift()
    const { stderr, stderrFile } = result
    const { index, id, state, exitCode, signal, error, durationMs, command, args } = result
    this.#failures.push({
      // What it printed may be large, and is not to be held.
      result: {
        index,
        id,
        state,
        exitCode,
        signal,
        error,
        durationMs,
        command,
        args,
        stderr: '',
        ...(stderrFile !== undefined && { stderrFile }),
      },
      stderr: stderr.length > 0 ? beginningOf(stderr) : (beginning?.bytes ?? (stderrFile === undefined ? '' : null)),
    })
  }

  /** Milliseconds that a task usually takes; null while it is not known. */
  get usualMs(): number | null {
    return this.#succeeded < LEAST_USUAL ? null : Math.exp(this.#logMs)
  }

  /** The latest first. */
  failures(most = MOST_FAILURES): FailedTask[] {
    return this.#failures
      .slice(-most)
      .reverse()
      .map((failure) => {
        const { result } = failure
        // Only of those that are shown, and once.
        failure.stderr ??= beginningOfFile(result.stderrFile!)
        return {
          name: nameOf(result),
          command: this.#isCommandShown ? commandOf(result) : null,
          end: endWords(result),
          stderr: displayText(failure.stderr),
        }
      })
  }

  #noteDuration(durationMs: number): void {
    this.#succeeded += 1
    const share = Math.max(1 / this.#succeeded, 0.02)
    this.#logMs += (Math.log(Math.max(durationMs, 0.1)) - this.#logMs) * share
  }
}

/** Its id, or `#` and its number. */
export function nameOf({ id, index }: { readonly id: string | null; readonly index: number }): string {
  return id ?? `#${index + 1}`
}

/** A copy of it, so that the whole is not held. */
function beginningOf(text: string | Uint8Array): Text {
  return typeof text === 'string' ? text.slice(0, BEGINNING_BYTES) : Buffer.from(text.subarray(0, BEGINNING_BYTES))
}

/** Empty where it cannot be read, as on another machine. */
function beginningOfFile(path: string): Text {
  let fd: number | null = null
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const bytes = Buffer.alloc(BEGINNING_BYTES)
    return bytes.subarray(0, readSync(fd, bytes))
  } catch {
    return ''
  } finally {
    if (fd !== null) closeSync(fd)
  }
}

function commandOf({ command, args }: ProgressResult): string | null {
  if (command === null) return null
  return commandText(args === null ? { command } : { command, args }).slice(0, MOST_COMMAND)
}
