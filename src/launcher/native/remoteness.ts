/** What is known of a child on another machine besides. */
export interface Remoteness {
  /** The name of the machine. */
  readonly host: string
  /** Milliseconds that a word takes from there. */
  readonly delayMs: () => number
  /** @param durationMs - how long it has lived, as it was measured there. */
  readonly onEnd: (durationMs: number) => void
}
