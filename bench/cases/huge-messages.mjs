import { DROVER, DROVER_PIPELINED, echoContestants } from '../lib/echo-contestants.mjs'
import { over } from '../lib/expectations.mjs'

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'huge-messages',
  title: '10 MB to one of 2 workers and back, 4 in flight',
  metrics: [
    { key: 'rate', label: 'messages a second', digits: 1 },
    { key: 'peakMb', label: 'parent at its peak, MB', digits: 0 },
  ],
  subject: DROVER,
  contestants: (context) =>
    echoContestants(context, { bytes: 10_000_000, inFlight: context.quick ? 2 : 4, seconds: 2 }),
  expectations: () => [
    over('rate', DROVER, 'messages a second', 0, 1),
    over('rate', DROVER_PIPELINED, 'messages a second', 0, 1),
  ],
}
