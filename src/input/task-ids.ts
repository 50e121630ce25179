import { FingerprintTable, fingerprint } from '../task/fingerprints.js'

const COLUMNS = 2 ** 20

/** Knows where each explicit id was given first; about 24 bytes for an id. */
export class TaskIds {
  readonly #places = new FingerprintTable()

  /** Notes an id. Returns in words what is wrong with it, when it was given before. */
  note(id: string, line: number, column: number): string | null {
    const mark = fingerprint(id)
    const before = this.#places.get(mark)
    if (before === undefined) {
      this.#places.set(mark, line * COLUMNS + Math.min(column, COLUMNS - 1))
      return null
    }
    const firstLine = Math.floor(before / COLUMNS)
    const where = firstLine === line ? `column ${before % COLUMNS} of this line` : `line ${firstLine}`
    const shown = JSON.stringify(id.length > 60 ? `${id.slice(0, 57)}...` : id)
    return `the id ${shown} was given before, in ${where}; each id can be given once`
  }
}
