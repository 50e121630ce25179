import { existsSync } from 'node:fs'
import { diesOf, ordinary } from '../lib/ends.mjs'
import { comesTrue, halvesOf } from '../lib/processes.mjs'

/** @typedef {import('../lib/trial.mjs').Trial} Trial */
/** @typedef {import('../lib/invocation.mjs').Invocation} Invocation */

const STRIKES = 5

/** @param {Trial} trial @param {'launcher' | 'guardian'} [half] Killed together with drover. */
async function killDrover(trial, half) {
  trial.plan({ count: 30 })
  let run = trial.start()
  for (let strikes = 0; strikes < STRIKES && trial.hasMore; strikes++) {
    const withoutWaiting = trial.random.chance(0.5)
    await trial.moment(run)
    const pid = half === undefined ? undefined : halvesOf(run.pid)?.[half]
    trial.strike(run, 'SIGKILL')
    if (pid !== undefined) run.strike('SIGKILL', pid)
    await run.end
    if (!withoutWaiting) await trial.settle(run, diesOf('SIGKILL'), { mayTear: true })
    const next = trial.start()
    // What the dead one has started is still being ended, and its lock is held until then.
    if (withoutWaiting) await trial.settle(run, diesOf('SIGKILL'), { mayTear: true, after: next.before })
    run = next
  }
  await trial.settle(run, ordinary)
  await trial.finish()
}

/** @param {Trial} trial @param {'launcher' | 'guardian'} half */
async function killHalf(trial, half) {
  trial.plan({ count: 30 })
  for (let rounds = 0; rounds < 2; rounds++) {
    const run = trial.start()
    for (let strikes = trial.random.whole(1, 3); strikes > 0; strikes--) {
      await trial.moment(run, 300)
      await trial.until(run, 'there is a launcher', () => halvesOf(run.pid) !== null)
      const pid = halvesOf(run.pid)?.[half]
      if (pid !== undefined) trial.strike(run, 'SIGKILL', pid)
      await comesTrue(() => run.hasEnded || halvesOf(run.pid)?.[half] !== pid, 5_000)
    }
    await trial.settle(run, ordinary)
  }
  await trial.finish()
}

/** @param {Trial} trial @param {string} kind Of the task that kills. @param {import('../lib/types.d.ts').Expectation} expectation */
async function killByTask(trial, kind, expectation) {
  trial.plan({ count: 20, first: [kind] })
  const run = trial.start()
  await trial.until(run, 'drover has ended', () => false)
  const killer = trial.tasks.find((task) => task.kind === kind)
  if (existsSync(`${trial.log}.${killer?.name}`)) trial.struck(run)
  await trial.settle(run, expectation, { mayTear: true })
  await trial.finish()
}

/** @type {import('../lib/types.d.ts').Fault[]} */
export default [
  {
    name: 'kill-drover',
    title: 'SIGKILL of drover',
    trials: { quick: 3, full: 60 },
    run: (trial) => killDrover(trial),
  },
  {
    name: 'kill-launcher',
    title: 'SIGKILL of the launcher',
    trials: { quick: 1, full: 12 },
    run: (trial) => killHalf(trial, 'launcher'),
  },
  {
    name: 'kill-guardian',
    title: 'SIGKILL of its guardian',
    trials: { quick: 1, full: 12 },
    run: (trial) => killHalf(trial, 'guardian'),
  },
  {
    name: 'kill-drover-and-launcher',
    title: 'SIGKILL of drover and the launcher',
    trials: { quick: 1, full: 8 },
    run: (trial) => killDrover(trial, 'launcher'),
  },
  {
    name: 'kill-drover-and-guardian',
    title: 'SIGKILL of drover and the guardian',
    trials: { quick: 1, full: 8 },
    run: (trial) => killDrover(trial, 'guardian'),
  },
  {
    name: 'task-kills-launcher',
    title: 'a task kills its parent',
    trials: { quick: 1, full: 8 },
    run: (trial) => killByTask(trial, 'killsLauncher', ordinary),
  },
  {
    name: 'task-kills-drover',
    title: 'a task kills drover',
    trials: { quick: 1, full: 8 },
    run: (trial) => killByTask(trial, 'killsDrover', diesOf('SIGKILL')),
  },
]
