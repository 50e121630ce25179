import type { Launcher, OutputStream, StartSpec } from '../launcher/port.js'
import type { TaskStream } from '../task/task.js'
import type { CheckedLimits } from './limits.js'
import type { Outcome } from './outcome.js'

/** What happens to processes that a task leaves behind: they are ended with it, left alone, or waited for. */
export type Leftovers = 'kill' | 'keep' | 'wait'

export interface ExecutionOptions {
  readonly launcher: Launcher
  readonly spec: StartSpec
  /** What it reads, where the spec's stdin is a pipe. */
  readonly input: TaskStream | null
  /** Milliseconds; 0 is no limit. */
  readonly timeoutMs: number
  readonly killGraceMs: number
  readonly pipeGraceMs: number
  /** Bytes kept of each stream. */
  readonly maxOutputBytes: number
  readonly leftovers: Leftovers
  readonly limits: CheckedLimits
  /** Sees every chunk; while its promise is pending the child's stream is not read. Must not throw or reject. */
  readonly onOutput?: ((stream: OutputStream, chunk: Buffer) => void | Promise<void>) | undefined
  readonly onSpawn?: ((pid: number) => void) | undefined
  /** For one that is started ahead of its turn, on another machine. No call is made from within {@link Execution.start}. */
  readonly ahead?:
    | {
        /** Now it runs. @param startedMs - since when, by the monotonic clock. */
        onBegin(startedMs: number): void
        /** It was taken back, or its machine was lost, before it had begun as far as is known; {@link onDone} is not called. */
        onNotStarted(): void
      }
    | undefined
  /** Called exactly once, never from within {@link Execution.start}. */
  readonly onDone: (outcome: Outcome) => void
}
