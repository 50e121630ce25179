/** More letters than this wrong, and it is another word. */
const MOST_MISTAKES = 3

/** The one of some known words that was most likely meant; null when none is much like it. */
export function mostSimilar(word: string, known: readonly string[]): string | null {
  let best: string | null = null
  let fewest = MOST_MISTAKES + 1
  for (const candidate of known) {
    const mistakes = distance(word.toLowerCase(), candidate.toLowerCase())
    // Of a short word all letters would soon be wrong.
    if (mistakes >= fewest || mistakes * 2 >= Math.max(word.length, candidate.length)) continue
    best = candidate
    fewest = mistakes
  }
  return best
}

/** How many letters are to be added, left out, changed, or changed for their neighbor, to make one word of the other. */
function distance(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > MOST_MISTAKES) return Number.POSITIVE_INFINITY
  let [before, row] = [[] as number[], Array.from({ length: other.length + 1 }, (_, length) => length)]
  for (let y = 1; y <= one.length; y++) {
    const next = [y]
    for (let x = 1; x <= other.length; x++) {
      const changed = row[x - 1]! + (one[y - 1] === other[x - 1] ? 0 : 1)
      const swapped = one[y - 1] === other[x - 2] && one[y - 2] === other[x - 1] ? before[x - 2]! + 1 : changed
      next.push(Math.min(row[x]! + 1, next[x - 1]! + 1, changed, swapped))
    }
    ;[before, row] = [row, next]
  }
  return row.at(-1)!
}
