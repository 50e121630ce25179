import type { Attempt, Result, ResultError } from '../task/result.js'
import type { CheckedDispatchOptions } from './dispatch-options.js'
import type { Entry } from './entry.js'
import { HaltCounter, type HaltRule } from './halt.js'
import { ResultCounter, type Summary } from './progress.js'
import { userCall } from './user-call.js'

export interface FinalResultsEvents {
  /** How many tasks there are in all, as soon as it is known. */
  readonly total: () => number | null
  readonly announce: (entry: Entry, result: Result) => void
  /** After that, or in place of it where the run has failed. */
  readonly onSettled: (entry: Entry) => void
  /** After an announcement that was waited for, and when {@link FinalResults.isJammed} is over. */
  readonly onAnnounced: () => void
  /** `onResult` has failed; {@link FinalResults.fail} is to be called. */
  readonly onError: (error: unknown) => void
}

/** Results that may wait for the journal, however many tasks run at once. */
const MOST_UNCOMMITTED = 1_024

/** The end of each task's way: its result is counted, committed (to the journal and `onResult`, awaited) and announced. */
export class FinalResults {
  readonly counter = new ResultCounter()
  readonly #options: CheckedDispatchOptions
  readonly #halt: HaltCounter
  readonly #events: FinalResultsEvents
  #unannounced = 0
  #uncommitted = 0
  #halted: string | null = null
  #fatal: { error: unknown } | null = null

  constructor(options: CheckedDispatchOptions, events: FinalResultsEvents) {
    this.#options = options
    this.#halt = new HaltCounter(options.halt)
    this.#events = events
  }

  /** How many wait to be committed. */
  get unannounced(): number {
    return this.#unannounced
  }

  /** Whether the journal is behind by so much that more results would only fill the memory. */
  get isJammed(): boolean {
    return this.#uncommitted >= MOST_UNCOMMITTED
  }

  /** The first error that ended the run. */
  get fatal(): { error: unknown } | null {
    return this.#fatal
  }

  /** From now on results are counted, but neither committed nor announced. */
  fail(error: unknown): void {
    this.#fatal ??= { error }
  }

  /** How the run is to be halted, if its rule is met. It is then what {@link FinalResults.summary} tells. */
  metHalt(): { when: HaltRule['when']; error: ResultError } | null {
    const rule = this.#halt.met(this.#events.total())
    if (rule === null) return null
    this.#halted = this.#options.haltWords
    return {
      when: rule.when,
      error: { code: 'ERR_DROVER_HALTED', message: `the run was halted by ${this.#halted}` },
    }
  }

  summary(allRead: boolean): Summary {
    const { run } = this.#options
    const halted = this.#halted
    const { done, alreadyDone, alreadyFailed, byState, failures, elapsedMs } = this.counter
    const complete = allRead && byState.skipped + byState.cancelled === 0
    return { run, total: done, alreadyDone, alreadyFailed, byState, failures, halted, complete, durationMs: elapsedMs }
  }

  add(entry: Entry, result: Result): void {
    this.counter.count(result.state)
    this.#halt.count(result.state)
    this.#unannounced += 1
    const progress = { completed: this.counter.done, total: this.#events.total() }
    const committed = this.#fatal === null ? this.#commit(result, progress) : undefined
    if (committed === undefined) return this.#announce(entry, result)
    const announce = () => {
      this.#announce(entry, result)
      this.#events.onAnnounced()
    }
    committed.then(announce, (error) => {
      this.#events.onError(error)
      announce()
    })
  }

  /** Commits an attempt that is to be followed by another. */
  record(attempt: Attempt): unknown {
    const { journal, onAttempt } = this.#options
    return journal === undefined ? onAttempt?.(attempt) : journal.record(attempt).then(() => onAttempt?.(attempt))
  }

  /** Into the journal first, so that whoever acts on a result can rely on it. */
  #commit(result: Result, progress: { completed: number; total: number | null }): PromiseLike<unknown> | undefined {
    const { journal, onResult } = this.#options
    const tell = () => onResult?.(result, progress)
    if (journal === undefined) return userCall(tell, this.#events.onError)
    this.#uncommitted += 1
    return journal
      .commit(result)
      .finally(() => this.#committed())
      .then(() => (this.#fatal === null ? tell() : undefined))
  }

  #committed(): void {
    const wasJammed = this.isJammed
    this.#uncommitted -= 1
    if (wasJammed) this.#events.onAnnounced()
  }

  #announce(entry: Entry, result: Result): void {
    this.#unannounced -= 1
    entry.settle?.(this.#fatal ?? { result })
    if (this.#fatal === null) this.#events.announce(entry, result)
    this.#events.onSettled(entry)
  }
}
