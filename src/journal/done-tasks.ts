import { FingerprintTable, fingerprint } from '../task/fingerprints.js'
import { RESULT_STATES, type Result, type ResultState } from '../task/result.js'

/** What a journal knows of a task. */
export type Known = ResultState | 'unknown' | 'changed'

const STATES = 16
const MARK_DIGITS = 12

/**
 * The newest final state of each task in a journal, at 16 to 43 bytes a task. One with an id is known by it, any other by
 * its key, which is a hash of what it runs and how often that came before. With an id, 48 bits of that hash are kept as
 * well, so that it shows when another task has come under the id.
 */
export class DoneTasks {
  readonly #table = new FingerprintTable()

  get size(): number {
    return this.#table.size
  }

  note({ id, key, state }: Pick<Result, 'id' | 'key' | 'state'>): void {
    if (key === null) return
    const mark = id === null ? 0 : markOf(key)
    // It was refused for having come under the id of another, which stays what is known.
    if (state === 'invalid' && this.lookUp(id, key) === 'changed') return
    this.#table.set(identityOf(id, key), mark * STATES + RESULT_STATES.indexOf(state))
  }

  lookUp(id: string | null, key: string): Known {
    const value = this.#table.get(identityOf(id, key))
    if (value === undefined) return 'unknown'
    const mark = id === null ? 0 : markOf(key)
    if (Math.floor(value / STATES) !== mark) return 'changed'
    return RESULT_STATES[value % STATES] ?? 'unknown'
  }
}

/** Which results are of the same task. A program may use an id several times; then the repeats are told apart. */
export function identityOf(id: string | null, key: string): ReturnType<typeof fingerprint> {
  if (id === null) return fingerprint(`key ${key}`)
  const repeat = key.indexOf('-')
  return fingerprint(`id${repeat === -1 ? '' : key.slice(repeat)} ${id}`)
}

function markOf(key: string): number {
  return Number.parseInt(key.slice(0, MARK_DIGITS), 16)
}
