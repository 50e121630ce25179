import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ordinary } from '../lib/ends.mjs'

/** @typedef {import('../lib/types.d.ts').Fault} Fault */

const PRELOAD = join(import.meta.dirname, '../lib/clock-jumps.cjs')

/** Where Debian has it. */
function libfaketime() {
  for (const folder of existsSync('/usr/lib') ? readdirSync('/usr/lib') : []) {
    const file = join('/usr/lib', folder, 'faketime/libfaketimeMT.so.1')
    if (existsSync(file)) return file
  }
  return null
}

/** Waiting is to be by another clock. */
const ARGS = ['--timeout', '30s', '--total-timeout', '50s']

/** @type {Fault} */
const insideJumps = {
  name: 'clock-jumps',
  title: 'the clock jumps by hours: Date',
  trials: { quick: 1, full: 8 },
  async run(trial) {
    trial.plan({ count: 30 })
    const seed = String(trial.random.whole(1, 2 ** 31))
    const run = trial.start({ args: ARGS, env: { NODE_OPTIONS: `--require ${PRELOAD}`, FAULT_CLOCK_SEED: seed } })
    trial.tried += 1
    await trial.settle(run, ordinary)
    await trial.finish()
  },
}

/** @type {Fault} */
const outsideJumps = {
  name: 'system-clock-jumps',
  title: 'the clock jumps by hours: libfaketime',
  trials: { quick: 1, full: 8 },
  obstacle: () => (libfaketime() === null ? 'libfaketime is not installed' : null),
  async run(trial) {
    trial.plan({ count: 30 })
    const clock = join(trial.folder, 'clock')
    const jump = () => writeFileSync(clock, `${trial.random.chance(0.5) ? '+' : '-'}${trial.random.whole(1, 48)}h\n`)
    jump()
    const env = {
      LD_PRELOAD: libfaketime() ?? '',
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    }
    const run = trial.start({ args: ARGS, env })
    while (!run.hasEnded && performance.now() - run.startedMs < 60_000) {
      await sleep(trial.random.whole(5, 50))
      jump()
      trial.tried += 1
    }
    await trial.settle(run, ordinary)
    await trial.finish()
  },
}

export default [insideJumps, outsideJumps]
