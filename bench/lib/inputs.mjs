import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** drover's command line, to be run by Node. */
export const DROVER = fileURLToPath(new URL('../../bin/drover.cjs', import.meta.url))

/**
 * A file with the numbers from 1, one a line.
 *
 * @param {string} folder
 * @param {number} count
 */
export function numbersFile(folder, count) {
  const file = join(folder, `numbers-${count}`)
  if (!existsSync(file)) writeFileSync(file, numbers(count).join('\n').concat('\n'))
  return file
}

/**
 * @param {string} file What a contestant printed: these numbers, one a line, in any order.
 * @param {number} count
 * @throws when something else is in it.
 */
export function checkNumbers(file, count) {
  const found = readFileSync(file, 'utf8').trimEnd().split('\n').map(Number)
  checkSum(
    found.length,
    found.reduce((sum, n) => sum + n, 0),
    count,
  )
}

/**
 * @param {number} found
 * @param {number} sum
 * @param {number} count
 * @throws when these cannot be the numbers from 1 to count.
 */
export function checkSum(found, sum, count) {
  if (found === count && sum === (count * (count + 1)) / 2) return
  throw new Error(`the output is wrong: ${found} numbers with the sum ${sum}, expected those from 1 to ${count}`)
}

/** @param {number} count */
export function numbers(count) {
  return Array.from({ length: count }, (_, n) => n + 1)
}
