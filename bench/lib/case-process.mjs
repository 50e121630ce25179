// One case in a process of its own: gets { name, rounds, context } from its parent and sends back what it found.
import { stopAll } from './programs.mjs'
import { ratio, spread } from './statistics.mjs'

let stopped = false

/**
 * @param {import('./types.d.ts').Case} theCase
 * @param {import('./types.d.ts').Context} context
 * @param {number} wantedRounds
 * @returns {Promise<import('./types.d.ts').CaseReport>}
 */
async function runCase(theCase, context, wantedRounds) {
  const { name, title, metrics, subject, mostRounds } = theCase
  const contestants = theCase.contestants(context).map((contestant) => ({
    ...contestant,
    missing: (contestant.needs ?? []).filter((need) => !context.available.includes(need)),
    rounds: /** @type {(import('./types.d.ts').Figures | null)[]} */ ([]),
    errors: /** @type {string[]} */ ([]),
  }))
  const roundCount = Math.min(wantedRounds, mostRounds ?? wantedRounds)
  for (let round = 1; round <= roundCount; round++) {
    for (const contestant of contestants) {
      if (contestant.missing.length > 0 || stopped) continue
      try {
        contestant.rounds.push(await contestant.run())
      } catch (error) {
        contestant.rounds.push(null)
        contestant.errors.push(error instanceof Error ? error.message : String(error))
      }
      tell(contestant.name, contestant.rounds.at(-1) ?? null, metrics[0], `${round}/${roundCount}`)
    }
  }
  const rounds = Object.fromEntries(contestants.map((contestant) => [contestant.name, contestant.rounds]))
  return {
    name,
    title,
    date: new Date().toISOString(),
    launcher: process.env.DROVER_LAUNCHER || 'auto',
    compares: subject !== undefined,
    metrics,
    contestants: contestants.map((contestant) => ({
      name: contestant.name,
      rounds: contestant.rounds,
      figures: Object.fromEntries(metrics.map(({ key }) => [key, spread(contestant.rounds, key)])),
      ratio: ratio(rounds, metrics[0].key, contestant.subject ?? subject ?? contestant.name, contestant.name),
      missing: contestant.missing,
      errors: contestant.errors,
    })),
    expectations: theCase.expectations(context).map(({ what, wanted, digits, of, met }) => {
      const measured = of(rounds)
      return { what, wanted, digits, measured, met: measured === null ? null : met(measured) }
    }),
  }
}

/**
 * @param {string} name
 * @param {import('./types.d.ts').Figures | null} figures
 * @param {import('./types.d.ts').Metric} metric
 * @param {string} round
 */
function tell(name, figures, { key, label, digits }, round) {
  const value = figures?.[key]
  const text = figures === null ? 'failed' : `${typeof value === 'number' ? value.toFixed(digits) : '–'} ${label}`
  process.send?.({ line: `  ${round}  ${name.padEnd(34)} ${text}` })
}

process.on('SIGINT', leave)
process.on('SIGTERM', leave)
process.on('disconnect', leave)
function leave() {
  stopped = true
  stopAll()
  process.exitCode = 1
}

process.once('message', async (/** @type {any} */ { name, rounds, context }) => {
  const { default: theCase } = await import(`../cases/${name}.mjs`)
  const report = await runCase(theCase, context, rounds)
  process.off('disconnect', leave)
  if (!process.connected) return
  process.send?.(stopped ? {} : { report }, () => process.disconnect())
})
