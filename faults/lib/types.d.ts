/** What went wrong in the trials of a fault; all zeros is the only pass. */
export interface Faulty {
  /** Results that were announced or due, and are not in the journal. */
  lost: number
  /** Tasks that ran although they were done, or twice in one run. */
  doubled: number
  /** Processes that outlived their drover. */
  leaked: number
  /** Waits that passed their deadline. */
  hangs: number
  /** Exit statuses, signals, messages or journals that are not as promised. */
  wrongEnds: number
}

/** One row of the table. */
export interface Row extends Faulty {
  readonly fault: string
  readonly title: string
  /** How often the fault struck a drover that ran. */
  tried: number
  /** Why it was not tried; null where it was. */
  readonly notTried: string | null
}

export interface Fault {
  readonly name: string
  readonly title: string
  /** How many trials a quick and a full run make of it. */
  readonly trials: { readonly quick: number; readonly full: number }
  /** Why it cannot be tried here, or null. */
  readonly obstacle?: () => string | null
  readonly run: (trial: import('./trial.mjs').Trial) => Promise<void>
}

export interface PlannedTask {
  readonly name: string
  readonly kind: string
  /** How it ends when nothing disturbs it. */
  readonly state: string
  /** Whether it tells of its start. */
  readonly logs: boolean
}

/** What the suite needs to know of a record in a journal. */
export interface JournalRecord {
  readonly type: 'run' | 'result' | 'attempt'
  readonly run: string
  readonly key: string
  readonly state: string
  readonly name: string
  readonly durationMs: number
  readonly queuedMs: number
}

export interface JournalState {
  readonly records: readonly JournalRecord[]
  /** Whole lines that are no records. */
  readonly damaged: number
  /** Bytes after the last newline. */
  readonly tail: number
  /** The newest state of each task. */
  readonly newest: ReadonlyMap<string, string>
}

export interface End {
  readonly status: number | null
  readonly signal: string | null
}

/** What is known when the end of an invocation is judged. */
export interface EndFacts extends End {
  readonly stderr: string
  /** The journal, as a message has to name it. */
  readonly journal: string
  /** The status that the results of this invocation make. */
  readonly failures: number
  /** Whether each task has a conclusive result. */
  readonly allDone: boolean
}

/** Judges an end; gives what is wrong with it, or null. */
export type Expectation = (facts: EndFacts) => string | null

export interface SettleOptions {
  /** Where its journal is now. */
  readonly journal?: string
  /** The journal as it was when it had ended, where others have written to it since. */
  readonly after?: JournalState
  /** How it ended, where the shell around it does not say. */
  readonly end?: () => End
  /** Whether all that it started has to be done. Default: when no fault has struck it. */
  readonly finishes?: boolean
  /** Whether it was killed while it might write. */
  readonly mayTear?: boolean
}

export interface InvocationOptions {
  /** More words for `drover run`. */
  readonly args?: readonly string[]
  /** Shell words around the program and its arguments, in which "$@" stands for them. */
  readonly line?: string
  readonly env?: Readonly<Record<string, string>>
  /** In place of the trial's. */
  readonly journal?: string
}

/** A figure of the load, and what is wanted of it. */
export interface Measured {
  readonly what: string
  readonly measured: string
  readonly wanted: string
  readonly isMet: boolean
}
