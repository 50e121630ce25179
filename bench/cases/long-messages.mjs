import { DROVER, DROVER_PIPELINED, echoContestants, JEST_WORKER } from '../lib/echo-contestants.mjs'
import { atLeastTimes } from '../lib/expectations.mjs'

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'long-messages',
  title: '100 KB to one of 2 workers and back, 16 in flight',
  metrics: [
    { key: 'rate', label: 'messages a second', digits: 0 },
    { key: 'peakMb', label: 'parent at its peak, MB', digits: 0 },
  ],
  subject: DROVER_PIPELINED,
  contestants: (context) => echoContestants(context, { bytes: 100_000, inFlight: 16, seconds: 2 }),
  expectations: () => [
    atLeastTimes('rate', DROVER_PIPELINED, JEST_WORKER, 2),
    atLeastTimes('rate', DROVER, JEST_WORKER, 2),
  ],
}
