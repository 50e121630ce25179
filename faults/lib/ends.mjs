/** @typedef {import('./types.d.ts').Expectation} Expectation */

/** By itself, with a status that counts what failed. @type {Expectation} */
export const ordinary = ({ status, signal, failures }) =>
  signal === null && status === failures ? null : `expected status ${failures}, not ${signal ?? status}`

/**
 * Of a signal; or, when it came too late to end anything, by itself.
 *
 * @param {string} name
 * @returns {Expectation}
 */
export function diesOf(name) {
  return (facts) => {
    if (facts.signal === name || (facts.allDone && ordinary(facts) === null)) return null
    return `expected to die of ${name}, not ${facts.signal ?? `status ${facts.status}`}`
  }
}

/**
 * With 102, and words on stderr that name the journal and match; or, when nothing stood in its way, by itself.
 *
 * @param {RegExp} words
 * @param {{ always?: boolean, names?: boolean }} [options] Whether it cannot have ended well; whether the journal is to be named.
 * @returns {Expectation}
 */
export function cannotGoOn(words, { always = false, names = true } = {}) {
  return (facts) => {
    const { status, signal, stderr, journal } = facts
    if (!always && facts.allDone && ordinary(facts) === null) return null
    if (status !== 102) return `expected status 102, not ${signal ?? status}`
    if (names && !stderr.includes(journal)) return `stderr does not name ${journal}`
    return words.test(stderr) ? null : `stderr does not say ${words}`
  }
}

/**
 * With 255, and words on stderr that match.
 *
 * @param {RegExp} words
 * @returns {Expectation}
 */
export function refuses(words) {
  return ({ status, signal, stderr }) => {
    if (status !== 255) return `expected status 255, not ${signal ?? status}`
    return words.test(stderr) ? null : `stderr does not say ${words}`
  }
}
