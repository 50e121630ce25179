// Messages to one of the worker pools, which all come back: { pool, options, bytes, inFlight, seconds }.
import { checkEcho, messageOf } from '../lib/echoes.mjs'
import { ownPeakMb } from '../lib/proc.mjs'
import { median, percentile } from '../lib/statistics.mjs'
import { parameters, report } from './report.mjs'

const WORKERS = 2
const { pool: name, options = {}, bytes, inFlight, seconds } = parameters
const { open } = await import(`../worker-pools/${name}.mjs`)
/** @type {import('../lib/types.d.ts').EchoPool} */
const pool = open(WORKERS, options)
let sent = 0

/** Sends messages until the time is up, so many in flight, each as soon as another has come back. */
async function exchange(/** @type {number} */ atOnce, /** @type {number} */ forSeconds) {
  /** @type {number[]} */
  const times = []
  const begun = performance.now()
  const end = begun + forSeconds * 1_000
  const loop = async () => {
    do {
      const before = performance.now()
      const message = messageOf(++sent, bytes)
      checkEcho(message, await pool.echo(message))
      times.push(performance.now() - before)
    } while (performance.now() < end)
  }
  await Promise.all(Array.from({ length: atOnce }, loop))
  return { times, ms: performance.now() - begun }
}

// All workers are there, and what they and this process run is compiled, before anything is timed.
await exchange(Math.max(inFlight, WORKERS * 2), 0)
await exchange(inFlight, seconds / 2)
const { times, ms } = await exchange(inFlight, seconds)
const peakMb = ownPeakMb()
await pool.close()
report({
  rate: (times.length / ms) * 1_000,
  us: median(times) * 1_000,
  slowUs: percentile(times, 0.99) * 1_000,
  peakMb,
})
