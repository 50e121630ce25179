import type { Launcher, StartSpec } from '../launcher/port.js'
import type { ResultError } from '../task/result.js'

/** Permission for one start, until it is released. */
export interface SlotPermit {
  /** What the child needs besides, as the variable that names a jobserver. */
  readonly spec?: Pick<StartSpec, 'env' | 'descriptors' | 'host'> | undefined
  /** What it was given for begins. */
  begin?(): void
  /** Gives it back; to be called once, when the task has ended. */
  release(): void
}

/**
 * Something that has to agree to a start besides the run's own concurrency: slots that are shared with other processes, tokens of a
 * jobserver, the load of the machine.
 */
export interface SlotSource {
  /**
   * Takes what a task of this weight needs, all or nothing. Null when that is not there: then it is waited for, and `onChange` is
   * called as soon as it is worth asking again. What has come meanwhile is kept until the next call or until {@link unwanted}.
   */
  take(weight: number): SlotPermit | null
  /**
   * Where something can be sent ahead, to wait elsewhere until one that runs there has ended: a permit for that alone. Null where it cannot.
   */
  takeAhead?(weight: number): SlotPermit | null
  /** Whether {@link takeAhead} would give one. */
  hasRoomAhead?(weight: number): boolean
  /** Nothing waits to be started: nothing is waited for any more, and what is kept for that goes back. Called often. */
  unwanted(): void
  /** Nothing runs and nothing waits. Resolves when all is given back; it may be used again after that. Never rejects. */
  rest(): Promise<void>
}

/** What a source knows of its run. */
export interface SlotContext {
  readonly launcher: Launcher
  readonly run: string
  /** How much may run at once, by weight; it may change. */
  readonly concurrency: () => number
  /** Whether the event loop is kept alive while something is waited for; false where others see to that. Default: true. */
  readonly keepsAlive?: boolean
  /** Ask again. Not to be called from within {@link SlotSource.take}. */
  onChange(): void
  /** Ends the task that was started last, unless it is the only one, and queues it again; whether there was one. */
  shed(error: ResultError): boolean
  /** The run cannot go on without it. */
  onError(error: unknown): void
  /** People should know; once for each thing. */
  onWarning(message: string): void
}

export type SlotSourceMaker = (context: SlotContext) => SlotSource
