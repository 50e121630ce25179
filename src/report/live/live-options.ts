import type { Attempt, Result } from '../../task/result.js'
import type { ListenAddress } from '../../web/listen-address.js'

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
  readonly run: string
  readonly steering: { tasks(): readonly WatchedTask[] }
  progress(): { readonly total: number | null; readonly running: number }
}

export interface WatchedTask {
  readonly index: number
  readonly id: string | null
  readonly state: 'running' | 'waiting'
  readonly attempt: number
  readonly durationMs: number
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
