import type { Child, ChildEvents, StartSpec } from '../port.js'

/** What becomes of a host. No call is made from within one of its methods. */
export interface HostEvents {
  /** It can be used, or not any more. */
  onChange(): void
  /** People should know. */
  onWarning(message: string): void
  /** It will not be tried again. */
  onLeftOut(reason: string): void
}

/** A machine that children are started on. */
export interface Host {
  readonly name: string
  readonly state: 'closed' | 'connecting' | 'up' | 'left-out'
  /** How many may run at once, by weight; known when it is up. */
  readonly slots: number
  /** Begins to connect; again after {@link close}. */
  open(events: HostEvents): void
  start(spec: StartSpec, events: ChildEvents): Child
  /** One more of the starts with a place may run there, until the function that it gives is called. */
  addPlace(): () => void
  /** How many starts are worth sending ahead while so many run. */
  ahead(running: number): number
  /** How many there are that were sent ahead. */
  noteAhead(count: number): void
  /** Signals all of a scope; 0 counts them. Never rejects. */
  signalScope(scope: string, signal: number): Promise<number>
  expectSilence(silent: boolean): void
  /** Ends everything that was started there. Never rejects. */
  close(): Promise<void>
}
