import { readFileSync } from 'node:fs'
import { cannotGoOn, diesOf, ordinary } from '../lib/ends.mjs'

/**
 * @param {string} name
 * @param {string} title
 * @param {string} line
 * @param {import('../lib/types.d.ts').Expectation} expectation
 * @returns {import('../lib/types.d.ts').Fault}
 */
function fault(name, title, line, expectation) {
  return {
    name,
    title,
    trials: { quick: 1, full: 8 },
    async run(trial) {
      trial.plan({ count: 20 })
      const run = trial.start({ line })
      trial.struck(run)
      await trial.settle(run, expectation, { finishes: expectation === ordinary })
      await trial.finish()
    },
  }
}

/** @type {import('../lib/types.d.ts').Fault} */
const readerLeaves = {
  name: 'reader-leaves',
  title: 'SIGPIPE: drover run … | head -1',
  trials: { quick: 1, full: 12 },
  async run(trial) {
    trial.plan({ count: 30 })
    const statusFile = `${trial.log}-status`
    const run = trial.start({ line: `{ "$@"; echo $? >"${statusFile}"; } | head -1` })
    trial.struck(run)
    await trial.settle(run, diesOf('SIGPIPE'), { end: () => endOf(Number(readFileSync(statusFile, 'utf8'))) })
    await trial.finish()
  },
}

/** A shell tells of a signal by a status above 128. @param {number} status */
function endOf(status) {
  return status === 141 ? { status: null, signal: 'SIGPIPE' } : { status, signal: null }
}

/** @type {import('../lib/types.d.ts').Fault[]} */
export default [
  readerLeaves,
  fault('closed-stdin', 'standard input closed: <&-', 'exec "$@" <&-', ordinary),
  fault('closed-stdout', 'standard output closed: >&-', 'exec "$@" >&-', ordinary),
  fault('closed-stderr', 'standard error closed: 2>&-', 'exec "$@" 2>&-', ordinary),
  fault('closed-streams', 'all three closed: <&- >&- 2>&-', 'exec "$@" <&- >&- 2>&-', ordinary),
  fault(
    'full-stdout',
    'ENOSPC for standard output: >/dev/full',
    'exec "$@" >/dev/full',
    cannotGoOn(/standard output cannot be written to.*no space left/, { names: false }),
  ),
]
