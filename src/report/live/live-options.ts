import type { Attempt, Result } from '../../task/result.js'
import type { ListenAddress } from '../../web/listen-address.js'

/** Where a live report is served, and what it takes to see it. */
export interface LiveReportOptions {
  /** Where it listens: `[HOST:]PORT`. Without a host only this machine can reach it; port 0 is any that is free. */
  readonly address: string | ListenAddress
  /** What it takes to see it: at least 16 letters, digits and signs. Default: made up. */
  readonly token?: string | undefined
  /** What is run, as the words of a command line, for the top of the page. Default: nothing. */
  readonly command?: readonly string[] | undefined
}

/** What a live report is shown of a run: a `DispatchRun` is one. */
export interface WatchedRun {
  /** The run's id. */
  readonly run: string
  /** Gives what runs and what waits for another attempt, in the order of their starts. */
  readonly steering: { tasks(): readonly WatchedTask[] }
  /** How many tasks there are, null when that is not known, how many run, and how many an earlier run had done, which the page lacks. */
  progress(): { readonly total: number | null; readonly running: number; readonly alreadyDone?: number }
}

/** A task that runs, or waits between two attempts. */
export interface WatchedTask {
  /** Position in the input, from 0. */
  readonly index: number
  /** The user's name for it; null when it has none. */
  readonly id: string | null
  /** Whether it runs or waits. */
  readonly state: 'running' | 'waiting'
  /** Which try it is in, or was last. */
  readonly attempt: number
  /** Milliseconds since this attempt was started; 0 while it waits. */
  readonly durationMs: number
  /** What it runs, for people. */
  readonly command: string
}

/** A page that shows a run while it goes on. */
export interface LiveReport extends AsyncDisposable {
  /** Where it is, with its token. */
  readonly url: string
  /** Shows a result or an attempt. Takes some microseconds, whoever looks at it. */
  add(result: Result<string | Buffer> | Attempt<string | Buffer>): void
  /** Shows what runs as well. */
  watch(run: WatchedRun): void
  /** Tells the pages that are open how it has ended, waits for them for two seconds at the most, and stops. */
  close(): Promise<void>
}
