import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atLeastTimes } from '../lib/expectations.mjs'
import { measure } from '../lib/programs.mjs'
import { withRedis } from '../lib/redis.mjs'

const CONCURRENCY = 4

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'fleet-starts',
  title: "20,000 × sh -c 'echo N', 4 at once, from a queue in Redis and without; all but the first tenth",
  metrics: [{ key: 'rate', label: 'tasks a second', digits: 0 }],
  subject: 'drover work',
  contestants({ quick }) {
    const count = quick ? 100 : 20_000
    const pool = (/** @type {string} */ name) => async () => {
      const folder = await mkdtemp(join(tmpdir(), 'drover-bench-'))
      const tasks = join(folder, 'tasks.jsonl')
      try {
        await writeFile(tasks, Array.from({ length: count }, (_, n) => `{"command":"echo ${n}"}\n`).join(''))
        return await withRedis((socket) =>
          measure('fleet-starts', { pool: name, count, concurrency: CONCURRENCY, socket, tasks }),
        )
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    }
    return [
      { name: 'drover work', needs: ['redis-server'], run: pool('work') },
      { name: 'drover run', needs: ['redis-server'], run: pool('run') },
    ]
  },
  expectations: () => [atLeastTimes('rate', 'drover work', 'drover run', 0.9)],
}
