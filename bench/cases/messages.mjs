import { DROVER_PIPELINED, echoContestants, JEST_WORKER, PISCINA, WORKERPOOL } from '../lib/echo-contestants.mjs'
import { atLeastTimes } from '../lib/expectations.mjs'

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'messages',
  title: '100 bytes to one of 2 workers and back, 1,000 in flight',
  metrics: [
    { key: 'rate', label: 'messages a second', digits: 0 },
    { key: 'peakMb', label: 'parent at its peak, MB', digits: 0 },
  ],
  subject: DROVER_PIPELINED,
  contestants: (context) => echoContestants(context, { bytes: 100, inFlight: 1_000, seconds: 2 }),
  expectations: () => [
    atLeastTimes('rate', DROVER_PIPELINED, WORKERPOOL, 5),
    atLeastTimes('rate', DROVER_PIPELINED, JEST_WORKER, 5),
    atLeastTimes('rate', DROVER_PIPELINED, PISCINA, 3),
  ],
}
