// Takes many jobs from a queue that do nothing: { pool: 'bullmq' | 'drover', count, concurrency, socket }.
import { Queue, Worker } from 'bullmq'
import { submit, work } from '../../dist/fleet/index.js'
import { parameters, report } from './report.mjs'

const { pool, count, concurrency, socket } = parameters
const BATCH = 500

/** @param {string} queue */
async function plain(queue) {
  const connection = { path: socket, maxRetriesPerRequest: null }
  const jobs = new Queue(queue, { connection })
  const begunMs = performance.now()
  for (let first = 0; first < count; first += BATCH) {
    await jobs.addBulk(
      Array.from({ length: Math.min(BATCH, count - first) }, (_, index) => ({
        name: 'task',
        data: { command: 'nothing', args: [String(first + index)] },
      })),
    )
  }
  const addedMs = performance.now()
  const worker = new Worker(queue, async () => {}, { connection, concurrency })
  return { worker, addMs: addedMs - begunMs }
}

/** @param {string} name */
async function drover(name) {
  const queue = `redis+socket://${socket}?queue=${name}`
  const tasks = Array.from({ length: count }, (_, index) => ({ command: 'nothing', args: [String(index)] }))
  const begunMs = performance.now()
  await submit(tasks, { queue })
  const addedMs = performance.now()
  const { bull } = await work({ queue, concurrency, handler: async () => {} })
  return { worker: bull, addMs: addedMs - begunMs }
}

const { worker, addMs } = await (pool === 'drover' ? drover('jobs') : plain('jobs'))
const first = count / 10
let done = 0
let [cpuBefore, begunMs] = [process.cpuUsage(), performance.now()]
await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
  worker.on('completed', () => {
    done += 1
    if (done === first) [cpuBefore, begunMs] = [process.cpuUsage(), performance.now()]
    if (done === count) resolve()
  })
})
const seconds = (performance.now() - begunMs) / 1_000
const cpu = process.cpuUsage(cpuBefore)
report({
  rate: (count - first) / seconds,
  addRate: count / (addMs / 1_000),
  cpuUs: (cpu.user + cpu.system) / (count - first),
})
process.exit()
