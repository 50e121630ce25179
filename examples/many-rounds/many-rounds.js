// Shows that a daemon does not grow, although its workers leak: 10,000 rounds of three items, one right after the other.
//
//   node examples/many-rounds/many-rounds.js [--rounds 10000] [--fresh] [--every 1000]
//
// Workers stay from round to round, and are replaced after 100 items; with --fresh each round starts its own.
import { readdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { daemon } from '../../dist/index.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10000' },
    every: { type: 'string', default: '1000' },
    fresh: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const every = Number(values.every)

const MiB = 2 ** 20
const columns = ['rounds', 'items', 'resident MiB', 'heap MiB', 'descriptors', 'processes', 'largest MiB', 'seconds']
const print = (cells) => console.log(cells.map((cell, n) => String(cell).padStart(columns[n].length)).join('  '))

/** The processes below this one, and the resident memory of the largest of them. */
function descendants() {
  if (process.platform !== 'linux') return { processes: '?', largest: '?' }
  const parents = new Map()
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      parents.set(Number(pid), Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]))
    } catch {
      // It has ended.
    }
  }
  const isOurs = (pid) => pid === process.pid || (parents.has(pid) && isOurs(parents.get(pid)))
  const ours = [...parents.keys()].filter((pid) => pid !== process.pid && isOurs(pid))
  const pages = ours.map((pid) => {
    try {
      return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1])
    } catch {
      return 0
    }
  })
  return { processes: ours.length, largest: ((Math.max(0, ...pages) * 4096) / MiB).toFixed(0) }
}

let items = 0
let largest = 0
const startedMs = performance.now()

print(columns)
const summary = await daemon({
  queue: () => [1, 2, 3],
  handler: new URL('./leaking.js', import.meta.url),
  intervalMs: 0,
  concurrency: 2,
  keepWorkers: !values.fresh,
  maxRequests: 100,
  onRound: ({ round, total }) => {
    items += total
    if (round % 10 === 0) largest = Math.max(largest, Number(descendants().largest))
    if (round % every !== 0 && round !== 100) return
    const { rss, heapUsed } = process.memoryUsage()
    const descriptors = process.platform === 'linux' ? readdirSync('/proc/self/fd').length : '?'
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0)
    const sizes = [(rss / MiB).toFixed(1), (heapUsed / MiB).toFixed(1)]
    print([round, items, ...sizes, descriptors, descendants().processes, largest, seconds])
  },
  stop: ({ round }) => round >= rounds,
})
console.log(
  `\n${summary.rounds} rounds, ${summary.total} items, ${summary.failures} failures, ${summary.workers} processes`,
)
