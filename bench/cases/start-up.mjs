import { underTimes } from '../lib/expectations.mjs'
import { DROVER } from '../lib/inputs.mjs'
import { runProgram } from '../lib/programs.mjs'
import { median } from '../lib/statistics.mjs'

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'start-up',
  title: 'one task from the command line: drover run true ::: 1',
  metrics: [{ key: 'ms', label: 'ms', digits: 1 }],
  subject: 'drover run true',
  contestants({ quick, folder }) {
    const repeats = quick ? 2 : 10
    const timed = (/** @type {string} */ file, /** @type {string[]} */ args) => async () => {
      /** @type {number[]} */
      const times = []
      for (let n = 0; n < repeats; n++) {
        const { seconds } = await runProgram(file, args, { env: { PARALLEL_HOME: folder } })
        times.push(seconds * 1_000)
      }
      return { ms: median(times) }
    }
    return [
      { name: 'drover run true', run: timed(process.execPath, [DROVER, 'run', 'true', ':::', '1']) },
      { name: 'node -e 0', run: timed(process.execPath, ['-e', '0']) },
      {
        name: 'parallel true',
        needs: ['parallel'],
        run: timed('parallel', ['--will-cite', 'true', ':::', '1']),
      },
      { name: 'sh -c true', run: timed('/bin/sh', ['-c', 'true']) },
    ]
  },
  expectations: () => [
    underTimes('ms', 'drover run true', 'node -e 0', 1.8),
    underTimes('ms', 'drover run true', 'parallel true', 1),
  ],
}
