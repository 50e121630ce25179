import type { ChildExit, OutputStream } from '../launcher/port.js'
import type { ResultError, ResultState } from '../task/result.js'
import type { OutputCapture } from './output-capture.js'

/** What became of one start of a command. */
export interface Outcome {
  readonly state: ResultState
  readonly error: ResultError | null
  /** Null when the child did not run to an end that the launcher saw. */
  readonly exit: ChildExit | null
  readonly pid: number | null
  /** The machine it ran on, where that is another one. */
  readonly host: string | null
  readonly stdout: OutputCapture
  readonly stderr: OutputCapture
  /** Where the output went straight to, in place of here; null for elsewhere. */
  readonly files: Readonly<Record<OutputStream, string | null>>
  readonly pipeHeld: boolean
  readonly leftovers: number
  readonly startedAt: Date
  readonly durationMs: number
}

/** Why drover itself has ended a command. */
export interface Cause {
  /** What its result then says. */
  readonly state: 'timed-out' | 'cancelled' | 'killed'
  /** Why. */
  readonly error: ResultError
}

/** What became of a command that nobody here has ended. */
export function stateOf(exit: ChildExit): { state: ResultState; error: ResultError | null } {
  if (exit.signal !== null) return { state: 'killed', error: null }
  if (exit.problem !== undefined) return { state: 'failed', error: exit.problem }
  return { state: exit.exitCode === 0 ? 'succeeded' : 'failed', error: null }
}
