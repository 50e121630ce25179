import { atLeastTimes } from '../lib/expectations.mjs'
import { measure } from '../lib/programs.mjs'
import { withRedis } from '../lib/redis.mjs'

const CONCURRENCY = 32

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'fleet-jobs',
  title: '40,000 jobs from Redis to a function that does nothing, 32 at once; all but the first tenth',
  metrics: [
    { key: 'rate', label: 'jobs a second', digits: 0 },
    { key: 'addRate', label: 'submitted a second', digits: 0 },
    { key: 'cpuUs', label: 'µs of CPU of the worker a job', digits: 0 },
  ],
  subject: 'drover work',
  contestants({ quick }) {
    const count = quick ? 500 : 40_000
    const pool = (/** @type {string} */ name) => () =>
      withRedis((socket) => measure('fleet-jobs', { pool: name, count, concurrency: CONCURRENCY, socket }))
    return [
      { name: 'drover work', needs: ['redis-server'], run: pool('drover') },
      { name: 'BullMQ', needs: ['redis-server'], run: pool('bullmq') },
    ]
  },
  expectations: () => [atLeastTimes('rate', 'drover work', 'BullMQ', 0.8)],
}
