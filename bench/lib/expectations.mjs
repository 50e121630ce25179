import { difference, ratio, spread } from './statistics.mjs'

/** @typedef {import('./types.d.ts').Expectation} Expectation */

/**
 * @param {string} key
 * @param {string} name
 * @param {string} other
 * @param {number} least
 * @param {string} [what] What it is called, where a case compares the same two by several figures.
 * @returns {Expectation}
 */
export function atLeastTimes(key, name, other, least, what = `${name} ÷ ${other}`) {
  return {
    what,
    wanted: `at least ${least}`,
    digits: 2,
    of: (rounds) => ratio(rounds, key, name, other),
    met: (value) => value >= least,
  }
}

/**
 * @param {string} key
 * @param {string} name
 * @param {string} other
 * @param {number} most
 * @returns {Expectation}
 */
export function underTimes(key, name, other, most) {
  return {
    what: `${name} ÷ ${other}`,
    wanted: `under ${most}`,
    digits: 2,
    of: (rounds) => ratio(rounds, key, name, other),
    met: (value) => value < most,
  }
}

/**
 * @param {string} key
 * @param {string} name
 * @param {string} what
 * @param {number} most
 * @param {number} digits
 * @returns {Expectation}
 */
export function under(key, name, what, most, digits) {
  return {
    what: `${name}: ${what}`,
    wanted: `under ${most}`,
    digits,
    of: (rounds) => spread(rounds[name] ?? [], key)?.median ?? null,
    met: (value) => value < most,
  }
}

/**
 * @param {string} key
 * @param {string} name
 * @param {string} what
 * @param {number} least
 * @param {number} digits
 * @returns {Expectation}
 */
export function over(key, name, what, least, digits) {
  return {
    what: `${name}: ${what}`,
    wanted: `over ${least}`,
    digits,
    of: (rounds) => spread(rounds[name] ?? [], key)?.median ?? null,
    met: (value) => value > least,
  }
}

/**
 * @param {string} key
 * @param {string} name
 * @param {string} other
 * @param {string} what
 * @param {number} most
 * @returns {Expectation}
 */
export function differsByUnder(key, name, other, what, most) {
  return {
    what: `${name} − ${other}: ${what}`,
    wanted: `under ${most}`,
    digits: 1,
    of: (rounds) => difference(rounds, key, name, other),
    met: (value) => Math.abs(value) < most,
  }
}
