import { under } from '../lib/expectations.mjs'
import { measure, runProgram } from '../lib/programs.mjs'

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'crowd',
  title: '500 children alive at once (sleep), then all killed',
  metrics: [
    { key: 'startMs', label: 'all started, ms', digits: 0 },
    { key: 'goneMs', label: 'all gone, ms', digits: 0 },
    { key: 'endedMs', label: 'all results there, ms', digits: 0 },
  ],
  subject: 'drover, halt',
  contestants({ quick, limit }) {
    const count = quick ? 20 : 500
    return [
      { name: 'drover, halt', run: () => measure('crowd', { way: 'drover-halt', count }) },
      { name: 'drover, kill', run: () => measure('crowd', { way: 'drover-kill', count }) },
      { name: 'child_process', run: () => measure('crowd', { way: 'child-process', count }) },
      {
        name: 'C limit',
        needs: ['cc'],
        run: async () => JSON.parse((await runProgram(String(limit), ['hold', String(count)])).stdout),
      },
    ]
  },
  expectations: () => [
    under('startMs', 'drover, halt', 'all started, ms', 1_000, 0),
    under('goneMs', 'drover, halt', 'all gone, ms', 500, 0),
    under('goneMs', 'drover, kill', 'all gone, ms', 500, 0),
  ],
}
