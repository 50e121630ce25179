import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atLeastTimes } from '../lib/expectations.mjs'
import { measure } from '../lib/programs.mjs'
import { withRedis } from '../lib/redis.mjs'

const CONCURRENCY = 4
const FILE_BYTES = 2 * 1024 * 1024

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'fleet-starts',
  title: 'Processes, 4 at once, from a queue in Redis and without; all but the first tenth of them',
  metrics: [
    { key: 'shortest', label: "sh -c 'echo N', tasks a second", digits: 0 },
    { key: 'short', label: 'sha256sum of 2 MiB, tasks a second', digits: 0 },
  ],
  subject: 'drover work',
  contestants({ quick }) {
    const pool = (/** @type {string} */ name) => async () => {
      const folder = await mkdtemp(join(tmpdir(), 'drover-bench-'))
      /** @param {number} count @param {(n: number) => object} task */
      const rateOf = async (count, task) => {
        const tasks = join(folder, 'tasks.jsonl')
        await writeFile(tasks, Array.from({ length: count }, (_, n) => `${JSON.stringify(task(n))}\n`).join(''))
        const { rate } = await withRedis((socket) =>
          measure('fleet-starts', { pool: name, concurrency: CONCURRENCY, socket, tasks }),
        )
        return rate
      }
      try {
        const file = join(folder, 'file')
        await writeFile(file, Buffer.alloc(FILE_BYTES, 'drover'))
        return {
          shortest: await rateOf(quick ? 100 : 20_000, (n) => ({ command: `echo ${n}` })),
          short: await rateOf(quick ? 100 : 3_000, (n) => ({ id: `n${n}`, command: 'sha256sum', args: [file] })),
        }
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    }
    return [
      { name: 'drover work', needs: ['redis-server'], run: pool('work') },
      { name: 'drover run', needs: ['redis-server'], run: pool('run') },
    ]
  },
  expectations: () => [
    atLeastTimes('shortest', 'drover work', 'drover run', 0.9, 'drover work ÷ drover run: echo'),
    atLeastTimes('short', 'drover work', 'drover run', 0.9, 'drover work ÷ drover run: sha256sum'),
  ],
}
