/** Runs shell lines, so many at once, and hands over what each printed. Takes the next one only when it can start it. */
export type Pool = (
  commands: IterableIterator<string>,
  concurrency: number,
  onStdout: (stdout: string) => void,
) => Promise<void>

/** Workers that give each message back. */
export interface EchoPool {
  echo(message: string): Promise<string>
  close(): Promise<unknown>
}

/** @param options What this contestant sets, beside the number of workers. */
export type OpenEchoPool = (workers: number, options: Readonly<Record<string, unknown>>) => EchoPool

/** The figures that one measurement gives, by the key of their metric; null where there is none. */
export type Figures = Readonly<Record<string, number | null>>

export interface Metric {
  readonly key: string
  readonly label: string
  /** After the point. */
  readonly digits: number
}

/** What a case's measurements get. */
export interface Context {
  /** Tiny counts: whether it works, not how fast it is. */
  readonly quick: boolean
  /** For whatever they write; removed at the end. */
  readonly folder: string
  /** The compiled limit; null without a compiler. */
  readonly limit: string | null
  /** Programs and packages that are there, by name. */
  readonly available: readonly string[]
}

export interface Contestant {
  readonly name: string
  /** What must be in {@link Context.available}. */
  readonly needs?: readonly string[]
  /** Whom it is compared with, in place of the case's. */
  readonly subject?: string
  /** One measurement. */
  readonly run: () => Promise<Figures>
}

/** A figure that is expected of a case. */
export interface Expectation {
  readonly what: string
  readonly wanted: string
  readonly digits: number
  /** From the rounds of each contestant; null where it was not measured. */
  readonly of: (rounds: Rounds) => number | null
  readonly met: (value: number) => boolean
}

/** What each contestant gave in each round; null where it failed. */
export type Rounds = Readonly<Record<string, readonly (Figures | null)[]>>

export interface Case {
  readonly name: string
  readonly title: string
  /** The first is what ratios are made of. */
  readonly metrics: readonly Metric[]
  /** drover's contestant that the others are compared with; without one there is no such column. */
  readonly subject?: string
  /** Where more would take too long. */
  readonly mostRounds?: number
  readonly contestants: (context: Context) => readonly Contestant[]
  readonly expectations: (context: Context) => readonly Expectation[]
}

export interface ContestantReport {
  readonly name: string
  readonly rounds: readonly (Figures | null)[]
  /** Median, least and most of each metric over the rounds. */
  readonly figures: Readonly<Record<string, { median: number; least: number; most: number } | null>>
  /** The subject's first metric over this one's: the median of what it was in each round. */
  readonly ratio: number | null
  readonly missing: readonly string[]
  readonly errors: readonly string[]
}

export interface CaseReport {
  readonly name: string
  readonly title: string
  readonly date: string
  readonly launcher: string
  /** Whether {@link ContestantReport.ratio} is of interest. */
  readonly compares: boolean
  readonly metrics: readonly Metric[]
  readonly contestants: readonly ContestantReport[]
  readonly expectations: readonly {
    what: string
    wanted: string
    digits: number
    measured: number | null
    met: boolean | null
  }[]
}
