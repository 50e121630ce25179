import { atLeastTimes } from '../lib/expectations.mjs'
import { measure } from '../lib/programs.mjs'

const CONCURRENCY = 4
/** A pool that starts 20 a second cannot do all: it is stopped then, and the rate counts. */
const LONGEST_SECONDS = 15
/** With tiny counts the parent is small as well, as touching all that memory is most of the time. */
const QUICK_PART = 10
const MEMORY = [
  { suffix: '', holdMb: 0 },
  { suffix: ', 500 MB', holdMb: 500 },
  { suffix: ', 1 GB', holdMb: 1_000 },
]

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'big-parent',
  title: 'the same from a parent that holds 500 MB and 1 GB of Buffers',
  metrics: [{ key: 'rate', label: 'tasks a second', digits: 0 }],
  subject: 'drover',
  contestants({ quick }) {
    const count = quick ? 30 : 5_000
    return ['drover', 'child-process'].flatMap((pool) =>
      MEMORY.map(({ suffix, holdMb }) => ({
        name: pool.replace('-', '_') + suffix,
        subject: `drover${suffix}`,
        run: () =>
          measure('start-many', {
            pool,
            count,
            concurrency: CONCURRENCY,
            holdMb: quick ? holdMb / QUICK_PART : holdMb,
            seconds: quick ? 1 : LONGEST_SECONDS,
          }),
      })),
    )
  },
  expectations: () => [
    atLeastTimes('rate', 'drover, 500 MB', 'drover', 0.95),
    atLeastTimes('rate', 'drover, 1 GB', 'drover', 0.95),
    atLeastTimes('rate', 'drover, 500 MB', 'child_process, 500 MB', 30),
    atLeastTimes('rate', 'drover, 1 GB', 'child_process, 1 GB', 30),
  ],
}
