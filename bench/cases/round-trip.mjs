import { DROVER, echoContestants, WORKERPOOL } from '../lib/echo-contestants.mjs'
import { underTimes } from '../lib/expectations.mjs'

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'round-trip',
  title: '100 bytes to one of 2 workers and back, one at a time',
  metrics: [
    { key: 'us', label: 'µs', digits: 0 },
    { key: 'slowUs', label: 'µs, 99 of 100', digits: 0 },
  ],
  subject: DROVER,
  contestants: (context) => echoContestants(context, { bytes: 100, inFlight: 1, seconds: 2 }),
  expectations: () => [underTimes('us', DROVER, WORKERPOOL, 0.6)],
}
