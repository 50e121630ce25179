import { FingerprintTable } from '../task/fingerprints.js'
import type { Attempt, Result } from '../task/result.js'
import { identityOf } from './done-tasks.js'

/**
 * Which final result of each task is the newest one in a file, at 16 to 43 bytes a task (64 while it grows). Results without
 * a key stand for themselves.
 */
export class NewestResults {
  readonly #newest = new FingerprintTable()
  readonly #replaced: FingerprintTable | null

  /** @param forAttempts - keeps as well where the result before the newest one is, of tasks that have several. */
  constructor(forAttempts: boolean) {
    this.#replaced = forAttempts ? new FingerprintTable() : null
  }

  /** Takes the results in the order of the file. */
  note({ id, key }: Result, offset: number): void {
    if (key === null) return
    const identity = identityOf(id, key)
    const before = this.#newest.set(identity, offset)
    if (before !== undefined) this.#replaced?.set(identity, before)
  }

  /**
   * Whether this is the newest result of its task; an attempt, whether it was made after the result that the newest one has
   * replaced.
   */
  includes({ type, id, key }: Result | Attempt, offset: number): boolean {
    if (key === null) return true
    const identity = identityOf(id, key)
    if (type === 'result') return this.#newest.get(identity) === offset
    return offset > (this.#replaced?.get(identity) ?? -1)
  }
}
