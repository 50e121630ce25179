export interface Act {
  readonly act: string
  readonly value?: unknown
  readonly text?: string
  readonly ms?: number
  readonly bytes?: number
  readonly word?: string
}
export interface Done {
  readonly value: unknown
  readonly pid: number
  /** How many items this process has had, this one included. */
  readonly handled: number
  /** When it was begun and ended, by the system's monotonic clock. */
  readonly begunMs: number
  readonly endedMs: number
}
export function setup(): void
export function teardown(): void
export function handle(item: Act, context: { readonly signal: AbortSignal }): Promise<Done>
