// Compiled only: it needs a server to run.
import { dispatch } from 'drover'
import { type FleetStatus, QueueRunner, status, submit, work } from 'drover/fleet'

const queue = 'redis://127.0.0.1'
const worker = await work({ queue, handler: async (task) => task.command })
const runner = await QueueRunner.open({ queue })
for await (const { host } of dispatch([{ command: 'true' }], { runner })) console.log(host satisfies string | null)
const { tasks }: FleetStatus = await status({ queue })
console.log(tasks.waiting)
await submit([{ command: 'true' }], { queue, run: 'a run' })
await worker.close()
// @ts-expect-error: a queue has an address
void (() => work({}))
