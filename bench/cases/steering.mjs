import { atLeastTimes, under, underTimes } from '../lib/expectations.mjs'
import { measure } from '../lib/programs.mjs'

const PLAIN = 'dispatch()'
const STEERABLE = 'dispatch(), steerable'
const WATCHED = 'dispatch(), asked all the time'

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'steering',
  title: '10,000 × echo, 4 at once: what it costs to be steered, and how soon a run answers another process',
  metrics: [
    { key: 'rate', label: 'tasks a second', digits: 0 },
    { key: 'cpuMs', label: 'CPU of the Node process, ms a task', digits: 3 },
    { key: 'statusMs', label: 'ms to how it stands: median', digits: 1 },
    { key: 'tasksMs', label: 'with its tasks', digits: 1 },
    { key: 'pauseMs', label: 'to be paused', digits: 1 },
    { key: 'most99Ms', label: '99 of 100 answers within', digits: 1 },
  ],
  subject: STEERABLE,
  contestants({ quick }) {
    const count = quick ? 1_000 : 10_000
    const way = (/** @type {string} */ how) => () => measure('steering', { how, count, concurrency: 4 })
    return [
      { name: PLAIN, run: way('plain') },
      { name: STEERABLE, run: way('steerable') },
      { name: WATCHED, run: way('asked') },
    ]
  },
  expectations: () => [
    atLeastTimes('rate', STEERABLE, PLAIN, 0.97),
    underTimes('cpuMs', STEERABLE, PLAIN, 1.05),
    under('statusMs', WATCHED, 'to how it stands, ms', 100, 1),
    under('pauseMs', WATCHED, 'to be paused, ms', 100, 1),
    under('most99Ms', WATCHED, '99 of 100 answers, ms', 100, 1),
  ],
}
