// What is held after many tasks: { count, concurrency }.
import { setTimeout as sleep } from 'node:timers/promises'
import { dispatch } from '../../dist/index.js'
import { launcherPids, memoryOf, memoryOfAll } from '../lib/proc.mjs'
import { parameters, report } from './report.mjs'

const { count, concurrency } = parameters
const MEGABYTE = 1024 * 1024

function* tasks() {
  for (let n = 1; n <= count; n++) yield { command: 'true', args: [String(n)] }
}

let succeeded = 0
const begun = performance.now()
for await (const result of dispatch(tasks(), { concurrency })) if (result.state === 'succeeded') succeeded += 1
const seconds = (performance.now() - begun) / 1_000
if (succeeded !== count) throw new Error(`${succeeded} of ${count} tasks succeeded`)

for (let n = 0; n < 3; n++) {
  globalThis.gc?.()
  await sleep(50)
}
report({
  rssMb: memoryOf('self', 'VmRSS') ?? process.memoryUsage.rss() / MEGABYTE,
  heapMb: process.memoryUsage().heapUsed / MEGABYTE,
  launcherMb: memoryOfAll(launcherPids(process.pid)),
  seconds,
})
