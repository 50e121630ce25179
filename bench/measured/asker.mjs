// Another process that asks a run again and again, as `drover ps`, `pause` and `resume` do, until it has ended.
import { setTimeout as pause } from 'node:timers/promises'
import { findRun } from '../../dist/index.js'
import { median } from '../lib/statistics.mjs'

const id = process.argv[2] ?? ''
/** @type {Record<'status' | 'tasks' | 'pause', number[]>} */
const times = { status: [], tasks: [], pause: [] }

/**
 * @param {'status' | 'tasks' | 'pause'} what
 * @param {() => Promise<unknown>} ask
 */
async function timed(what, ask) {
  const begun = performance.now()
  await ask()
  times[what].push(performance.now() - begun)
}

async function found() {
  for (;;) {
    try {
      return await findRun(id)
    } catch {
      await pause(5)
    }
  }
}

const run = await found()
try {
  for (;;) {
    await timed('status', () => run.status())
    await timed('tasks', () => run.status({ tasks: true }))
    await timed('pause', () => run.pause())
    await run.resume()
    await pause(20)
  }
} catch {
  // The run has ended.
}
const { status, tasks, pause: pauses } = times
const all = [...status, ...tasks, ...pauses].sort((a, b) => a - b)
process.send?.({
  statusMs: median(status),
  tasksMs: median(tasks),
  pauseMs: median(pauses),
  most99Ms: all[Math.floor(all.length * 0.99)] ?? null,
})
