import { diesOf, ordinary } from '../lib/ends.mjs'

/**
 * @param {NodeJS.Signals} signal
 * @param {string} title
 * @param {RegExp} drained What drover says when it lets what runs finish.
 * @returns {import('../lib/types.d.ts').Fault}
 */
function fault(signal, title, drained) {
  return {
    name: signal.toLowerCase(),
    title,
    trials: { quick: 1, full: 12 },
    async run(trial) {
      trial.plan({ count: 30 })
      for (let strikes = 0; strikes < 3 && trial.hasMore; strikes++) {
        const run = trial.start()
        await trial.moment(run)
        trial.strike(run, signal)
        await run.end
        await trial.settle(run, run.isStruck ? diesOf(signal) : ordinary, { finishes: drained.test(run.stderr) })
      }
      await trial.finish()
    },
  }
}

const NEVER = /^\b$/

/** @type {import('../lib/types.d.ts').Fault[]} */
export default [
  fault('SIGTERM', 'SIGTERM', NEVER),
  fault('SIGINT', 'SIGINT', NEVER),
  fault('SIGHUP', 'SIGHUP: what runs is finished', /SIGHUP: what runs is finished/),
]
