import { under } from '../lib/expectations.mjs'
import { measure } from '../lib/programs.mjs'

const CONCURRENCY = 4
/** Long enough for what Node compiles at first, on threads of its own, to count for little. */
const DROVER_LONG = 'drover, ten times as many'

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'parent-cpu',
  title: 'CPU spent in the Node parent, all its threads, without its children',
  metrics: [
    { key: 'cpuMs', label: 'ms a task', digits: 3 },
    { key: 'rate', label: 'tasks a second', digits: 0 },
  ],
  subject: 'drover',
  contestants({ quick }) {
    const few = quick ? 40 : 2_000
    const many = quick ? 80 : 20_000
    const pool =
      (/** @type {string} */ name, count = few) =>
      () =>
        measure('start-many', { pool: name, count, concurrency: CONCURRENCY })
    return [
      { name: DROVER_LONG, run: pool('drover', many) },
      { name: 'drover', run: pool('drover') },
      { name: 'child_process', run: pool('child-process') },
      { name: 'execa + p-limit', needs: ['execa', 'p-limit'], run: pool('execa') },
      { name: 'zx', needs: ['zx', 'p-limit'], run: pool('zx') },
      { name: 'PHP proc_open pool', needs: ['php'], run: pool('php') },
    ]
  },
  expectations: () => [under('cpuMs', DROVER_LONG, 'CPU, ms a task', 0.15, 3)],
}
