import type { DamagedLine } from '../journal/journal-file.js'

/** Where a report goes, and in which form. */
export interface ReportOptions {
  /**
   * Where it goes; what is there is replaced, but for a journal. Default: beside the journal, as `night.html` or `night.trace.json` for
   * `night.jsonl`; a file that is there and is no report is then left alone.
   */
  readonly file?: string | undefined
  /** `html` is one file that any browser shows; `trace` are Chrome trace events, for Perfetto and the performance panel of Chromium. Default: `html`. */
  readonly form?: ReportForm | undefined
  /** Called once for each line of the journal that is no record; it is passed over. Default: nothing is called. */
  readonly onDamage?: ((line: DamagedLine) => void) | undefined
}

/** `html` is a page, `trace` are Chrome trace events. */
export type ReportForm = 'html' | 'trace'

/** What a report that was written holds. */
export interface WrittenReport {
  /** Where it is. */
  readonly path: string
  /** How large it is. */
  readonly bytes: number
  /** The newest results, one of each task. */
  readonly results: number
  /** Tries that were followed by another. */
  readonly attempts: number
  /** Ids of the runs that are in the journal. */
  readonly runs: readonly string[]
}
