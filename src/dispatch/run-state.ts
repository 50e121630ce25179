import type { ResultError } from '../task/result.js'
import type { Entry } from './entry.js'
import { Pause } from './pause.js'

/**
 * Whether a run starts anything: it goes on, is held for a while, or is stopped for good.
 *
 *   going on ◄──► paused, suspended
 *      └───────────────┴──► stopped ──► what runs is ended too ──► without any grace
 *
 * What waits when it is stopped becomes `skipped`, and what is ended then becomes `cancelled`.
 */
export class RunState {
  readonly #pause = new Pause()
  /** Whether what runs is stopped for a while, and nothing is started. */
  suspended = false
  #stopped: ResultError | null = null
  #endedNow: ResultError | null = null
  #hurried = false
  #isOver = false

  /** Why nothing is started any more; null while something may be. */
  get stopped(): ResultError | null {
    return this.#stopped
  }

  /** Why what runs is ended as well; null while it may go on. */
  get endedNow(): ResultError | null {
    return this.#endedNow
  }

  /** Whether what is ended gets no grace any more. */
  get hurried(): boolean {
    return this.#hurried
  }

  get paused(): boolean {
    return this.#pause.isOn
  }

  /** Whether nothing is started for a while. A run that is stopped or over cannot be paused. */
  set paused(paused: boolean) {
    this.#pause.set(paused && this.#stopped === null && !this.#isOver)
  }

  /** All is done, and nothing more will come that could be held. */
  over(): void {
    this.#isOver = true
    this.#pause.set(false)
  }

  /** Whether it waits for somebody to let it go on. */
  get isHeld(): boolean {
    return (this.suspended || this.#pause.isOn) && this.#stopped === null
  }

  get goesOn(): boolean {
    return !this.suspended && !this.#pause.isOn && this.#stopped === null
  }

  /** The first reason counts; a second stop can only be a harder one. @returns the reason. */
  stop(when: 'soon' | 'now', error: ResultError): ResultError {
    this.#stopped ??= error
    if (when === 'now') this.#endedNow ??= error
    this.#pause.set(false)
    return this.#stopped
  }

  hurry(): void {
    this.#hurried = true
  }

  /** Why nothing of a task is started any more; null while it may be. */
  endOf(entry: Entry): ResultError | null {
    return this.#stopped ?? entry.ended
  }
}
