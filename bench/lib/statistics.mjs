/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * @param {readonly number[]} values
 * @param {number} share From 0 to 1.
 */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

/**
 * The values of one metric over the rounds, without those that are missing.
 *
 * @param {readonly (import('./types.d.ts').Figures | null)[]} rounds
 * @param {string} key
 * @returns {number[]}
 */
function valuesOf(rounds, key) {
  return rounds.map((figures) => figures?.[key] ?? null).filter((value) => value !== null)
}

/**
 * @param {readonly (import('./types.d.ts').Figures | null)[]} rounds
 * @param {string} key
 */
export function spread(rounds, key) {
  const values = valuesOf(rounds, key)
  return values.length === 0 ? null : { median: median(values), least: Math.min(...values), most: Math.max(...values) }
}

/**
 * How two contestants compare: in each round by itself, so that what the machine did to a whole round cancels out; then
 * the median.
 *
 * @param {import('./types.d.ts').Rounds} rounds
 * @param {string} key
 * @param {(a: number, b: number) => number} compare
 * @param {string} name
 * @param {string} other
 */
function paired(rounds, key, compare, name, other) {
  /** @type {number[]} */
  const values = []
  for (const [n, figures] of (rounds[name] ?? []).entries()) {
    const [a, b] = [figures?.[key], rounds[other]?.[n]?.[key]]
    if (typeof a === 'number' && typeof b === 'number') values.push(compare(a, b))
  }
  return values.length === 0 ? null : median(values)
}

/**
 * @param {import('./types.d.ts').Rounds} rounds
 * @param {string} key
 * @param {string} name
 * @param {string} other
 */
export function ratio(rounds, key, name, other) {
  return paired(rounds, key, (a, b) => a / b, name, other)
}

/**
 * @param {import('./types.d.ts').Rounds} rounds
 * @param {string} key
 * @param {string} name
 * @param {string} other
 */
export function difference(rounds, key, name, other) {
  return paired(rounds, key, (a, b) => a - b, name, other)
}
