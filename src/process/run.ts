import { DroverError } from '../task/errors.js'
import type { Result } from '../task/result.js'
import { describeCommand, type Task, type Text } from '../task/task.js'
import { Process, type ProcessOptions, startUnread } from './process.js'

/** Options of `run()`. All of it is optional. */
export interface RunOptions extends ProcessOptions {
  /** Whether anything but success rejects. Default: true; with false the result is given whatever its state. */
  readonly reject?: boolean
}

/** A command that was run by {@link run} and did not succeed: `ERR_DROVER_COMMAND`. */
export class CommandError<Output = string> extends DroverError {
  override readonly name = 'CommandError'
  /** Everything about it. */
  readonly result: Result<Output>

  constructor(result: Result<Output>) {
    super('ERR_DROVER_COMMAND', messageOf(result))
    this.result = result
  }
}

type Buffered = { readonly encoding: 'buffer' }

/**
 * Runs one command and gives its result. `run(line, options)` is a line for the shell, `run(program, args, options)` runs
 * a program directly.
 *
 * @throws CommandError (as a rejection) when its state is not `succeeded`, unless `reject` is false; OptionError and
 * InputError for a mistake in the call, and then nothing was started.
 */
export function run(command: Text, args: readonly Text[], options: RunOptions & Buffered): Promise<Result<Buffer>>
export function run(command: Text | Task, options: RunOptions & Buffered): Promise<Result<Buffer>>
export function run(command: Text, args: readonly Text[], options?: RunOptions): Promise<Result>
export function run(command: Text | Task, options?: RunOptions): Promise<Result>
export async function run(
  command: Text | Task,
  argsOrOptions?: readonly Text[] | RunOptions,
  more?: RunOptions,
): Promise<Result | Result<Buffer>> {
  const child = Array.isArray(argsOrOptions)
    ? new Process(command as Text, argsOrOptions as readonly Text[], more)
    : new Process(command, argsOrOptions as RunOptions | undefined)
  const options = (Array.isArray(argsOrOptions) ? more : argsOrOptions) as RunOptions | undefined
  startUnread(child)
  const result = await child.result
  if (result.state !== 'succeeded' && options?.reject !== false) throw new CommandError(result)
  return result
}

/** How many characters of stderr a message repeats. */
const STDERR_TAIL = 1_000

function messageOf<Output>(result: Result<Output>): string {
  const command =
    result.command === null
      ? ''
      : describeCommand({ command: result.command, ...(result.args && { args: result.args }) })
  const stderr = String(result.stderr).trimEnd()
  const tail = stderr.length > STDERR_TAIL ? `…${stderr.slice(-STDERR_TAIL)}` : stderr
  return `${command}: ${describeEnd(result)}${tail === '' ? '' : `\n${tail}`}`
}

/** What became of a task, in a few words: `exit code 3`, `died of SIGSEGV`, `timed out after 500 ms`. */
export function describeEnd(
  result: Pick<Result<unknown>, 'state' | 'exitCode' | 'signal' | 'error' | 'durationMs'>,
): string {
  switch (result.state) {
    case 'succeeded':
      return 'succeeded'
    case 'failed':
      if (result.exitCode === null && result.error !== null) return `failed: ${result.error.message}`
      return `exit code ${result.exitCode}`
    case 'killed':
      return result.error === null ? `died of ${result.signal}` : `killed: ${result.error.message}`
    default:
      return result.error === null ? result.state : `${result.state}: ${result.error.message}`
  }
}
