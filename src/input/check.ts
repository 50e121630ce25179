import { type Entries, isBad } from './entries.js'

/** What one reading of a checked file has found. */
export interface Checked {
  readonly total: number
  readonly hasPriorities: boolean
}

/**
 * Reads all entries and forgets them.
 *
 * @throws InputError for the first bad one
 */
export async function check(entries: Entries): Promise<Checked> {
  let total = 0
  let hasPriorities = false
  for await (const some of entries) {
    for (const entry of some) {
      if (isBad(entry)) throw entry.error
      total += 1
      if (entry.priority !== undefined && entry.priority !== 0) hasPriorities = true
    }
  }
  return { total, hasPriorities }
}
