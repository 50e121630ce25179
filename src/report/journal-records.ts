import { type DamagedLine, JournalFile } from '../journal/journal-file.js'
import { NewestResults } from '../journal/newest-results.js'
import type { RunRecord } from '../journal/records.js'
import type { Attempt, Result } from '../task/result.js'
import { shownWords } from './row-of.js'
import type { ReportRun } from './rows.js'

/** A result or attempt that a report shows, and the place of its run among the runs. */
export interface PlacedRecord {
  readonly record: Result | Attempt
  readonly run: number
}

/**
 * What a report shows of a journal: the newest result of each task and the attempts that led to it, in the order of the file. It is
 * read as it was when it was opened.
 */
export class JournalRecords implements AsyncDisposable {
  readonly #file: JournalFile
  readonly #newest = new NewestResults(true)
  readonly #runs = new Map<string, ReportRun>()
  readonly #places = new Map<string, number>()

  private constructor(file: JournalFile) {
    this.#file = file
  }

  /**
   * Opens it and reads it once, to know what is the newest: 24 to 86 bytes of memory a task.
   *
   * @throws (as a rejection) JournalError when it is missing, cannot be read, or is no journal.
   */
  static async open(path: string, onDamage?: (line: DamagedLine) => void): Promise<JournalRecords> {
    const records = new JournalRecords(await JournalFile.open(path))
    try {
      await records.#readNewest(onDamage)
      return records
    } catch (error) {
      await records.#file.close()
      throw error
    }
  }

  /** The runs that have something to show, or have only begun, in the order of the file. */
  get runs(): readonly ReportRun[] {
    return [...this.#runs.values()]
  }

  /** Some at a time; may be called again, which reads the file again. */
  async *chosen(): AsyncGenerator<readonly PlacedRecord[], void> {
    for await (const found of this.#file.records()) {
      yield found
        .filter(({ record, offset }) => this.#newest.includes(record, offset))
        .map(({ record }) => ({ record, run: this.#places.get(record.run)! }))
    }
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #readNewest(onDamage?: (line: DamagedLine) => void): Promise<void> {
    for await (const found of this.#file.records(onDamage, (head) => this.#noteRun(head))) {
      for (const { record, offset } of found) {
        // What --json has printed has no heads.
        if (!this.#runs.has(record.run)) this.#noteRun({ run: record.run })
        if (record.type === 'result') this.#newest.note(record, offset)
      }
    }
  }

  #noteRun({ run, startedAt, host, cwd, command }: Pick<RunRecord, 'run'> & Partial<RunRecord>): void {
    if (!this.#places.has(run)) this.#places.set(run, this.#places.size)
    this.#runs.set(run, {
      run,
      startedAt: startedAt ?? null,
      host: host ?? null,
      cwd: cwd ?? null,
      command: Array.isArray(command) ? shownWords(command.map(String)) : [],
    })
  }
}
