import { under } from '../lib/expectations.mjs'
import { measure } from '../lib/programs.mjs'

const CONCURRENCY = 4
const LONGEST_SECONDS = 15

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'blocking',
  title: 'how long the event loop stands still for it, in a parent that holds 1 GB',
  metrics: [
    { key: 'startMs', label: 'in the call that starts, ms (mean)', digits: 4 },
    { key: 'longestMs', label: 'the longest such call, ms', digits: 1 },
    { key: 'delayP99Ms', label: 'loop delay, ms (99th percentile)', digits: 2 },
    { key: 'delayMaxMs', label: 'loop delay, ms (longest)', digits: 1 },
    { key: 'activeMs', label: 'loop busy, ms a task', digits: 3 },
    { key: 'rate', label: 'tasks a second', digits: 0 },
  ],
  contestants({ quick, limit }) {
    const parameters = {
      count: quick ? 30 : 5_000,
      concurrency: CONCURRENCY,
      holdMb: quick ? 100 : 1_000,
      seconds: quick ? 1 : LONGEST_SECONDS,
      limit,
    }
    const way = (/** @type {string} */ name) => () => measure('blocking', { ...parameters, way: name })
    return [
      { name: 'drover', run: way('drover') },
      { name: 'child_process', run: way('child-process') },
      { name: 'idle Node beside the C limit', needs: ['cc'], run: way('nothing') },
    ]
  },
  expectations: () => [
    under('startMs', 'drover', 'mean of a start, ms', 0.05, 4),
    under('delayP99Ms', 'drover', '99th percentile of loop delay, ms', 2, 2),
  ],
}
