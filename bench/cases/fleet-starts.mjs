import { atLeastTimes } from '../lib/expectations.mjs'
import { measure } from '../lib/programs.mjs'
import { withRedis } from '../lib/redis.mjs'

const CONCURRENCY = 4

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'fleet-starts',
  title: "5,000 × sh -c 'echo N', 4 at once, from a queue in Redis and without",
  metrics: [{ key: 'rate', label: 'tasks a second', digits: 0 }],
  subject: 'drover work',
  contestants({ quick }) {
    const count = quick ? 40 : 5_000
    const pool = (/** @type {string} */ name) => () =>
      withRedis((socket) => measure('fleet-starts', { pool: name, count, concurrency: CONCURRENCY, socket }))
    return [
      { name: 'drover work', needs: ['redis-server'], run: pool('work') },
      { name: 'dispatch()', needs: ['redis-server'], run: pool('run') },
    ]
  },
  expectations: () => [atLeastTimes('rate', 'drover work', 'dispatch()', 0.9)],
}
