import { join } from 'node:path'
import { atLeastTimes } from '../lib/expectations.mjs'
import { checkNumbers, DROVER, numbersFile } from '../lib/inputs.mjs'
import { measure, runProgram } from '../lib/programs.mjs'

const CONCURRENCY = 4

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'starts',
  title: "5,000 × sh -c 'echo N', output captured, 4 at once",
  metrics: [{ key: 'rate', label: 'tasks a second', digits: 0 }],
  subject: 'drover',
  contestants({ quick, folder, limit }) {
    const count = quick ? 40 : 5_000
    const pool = (/** @type {string} */ name) => () =>
      measure('start-many', { pool: name, count, concurrency: CONCURRENCY })
    const program =
      (/** @type {string} */ file, /** @type {string[]} */ args, /** @type {Record<string, string>} */ env = {}) =>
      async () => {
        const stdout = join(folder, 'starts-output')
        const { seconds } = await runProgram(file, args, { stdin: numbersFile(folder, count), stdout, env })
        checkNumbers(stdout, count)
        return { rate: count / seconds }
      }
    return [
      { name: 'drover', run: pool('drover') },
      {
        name: 'C limit',
        needs: ['cc'],
        run: async () => {
          const { seconds } = await runProgram(String(limit), ['echo', String(count), String(CONCURRENCY)])
          return { rate: count / seconds }
        },
      },
      {
        name: 'xargs -P',
        needs: ['xargs'],
        run: program('xargs', ['-P', String(CONCURRENCY), '-I{}', '/bin/sh', '-c', 'echo {}']),
      },
      { name: 'drover run', run: program(process.execPath, [DROVER, 'run', '-j', String(CONCURRENCY), 'echo {}']) },
      {
        name: 'GNU parallel',
        needs: ['parallel'],
        run: program('parallel', ['--will-cite', '-j', String(CONCURRENCY), 'echo {}'], {
          PARALLEL_SHELL: '/bin/sh',
          PARALLEL_HOME: folder,
        }),
      },
      { name: 'PHP proc_open pool', needs: ['php'], run: pool('php') },
      { name: 'child_process', run: pool('child-process') },
      { name: 'execa + p-limit', needs: ['execa', 'p-limit'], run: pool('execa') },
      { name: 'zx', needs: ['zx', 'p-limit'], run: pool('zx') },
    ]
  },
  expectations: () => [
    atLeastTimes('rate', 'drover', 'C limit', 0.9),
    atLeastTimes('rate', 'drover', 'xargs -P', 1),
    atLeastTimes('rate', 'drover', 'execa + p-limit', 5),
    atLeastTimes('rate', 'drover', 'PHP proc_open pool', 1.7),
    atLeastTimes('rate', 'drover', 'GNU parallel', 5),
    atLeastTimes('rate', 'drover run', 'GNU parallel', 5),
  ],
}
