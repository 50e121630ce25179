/** What this program was asked to measure. */
export const parameters = JSON.parse(process.argv[2] ?? '{}')

/**
 * Tells the figures to whom started this program.
 *
 * @param {Record<string, number | null>} figures
 */
export function report(figures) {
  process.stdout.write(`${JSON.stringify(figures)}\n`)
}

const BLOCK = 64 * 1024 * 1024
/** @type {Buffer[]} */
const held = []

/**
 * Makes this process a big one: Buffers, with each page of them written to.
 *
 * @param {number} megabytes
 */
export function holdMemory(megabytes) {
  for (let left = megabytes * 1024 * 1024; left > 0; left -= BLOCK) held.push(Buffer.alloc(Math.min(left, BLOCK), 1))
}

/**
 * `echo 1`, `echo 2`, …: until there are enough or the time is up.
 *
 * @param {number} count
 * @param {number} [seconds]
 */
export function* echoes(count, seconds = Number.POSITIVE_INFINITY) {
  const end = performance.now() + seconds * 1_000
  for (let n = 1; n <= count && performance.now() < end; n++) yield `echo ${n}`
}
