// Runs short tasks with the command line: { pool: 'work' | 'run', concurrency, socket, tasks: a file with a JSON task a line }.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { submit } from '../../dist/fleet/index.js'
import { DROVER } from '../lib/inputs.mjs'
import { parameters, report } from './report.mjs'

const { pool, concurrency, socket, tasks } = parameters
const all = readFileSync(tasks, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line))
const count = all.length
const LOOK_MS = 20
/** @type {{ ms: number, done: number }[]} */
const seen = []

/** @param {number} done */
function note(done) {
  seen.push({ ms: performance.now(), done })
}

/**
 * @param {string[]} words
 * @param {'pipe' | 'ignore'} stdout
 */
function start(words, stdout) {
  return spawn(process.execPath, [DROVER, ...words], { stdio: ['ignore', stdout, 'inherit'] })
}

async function here() {
  const child = start(['run', '--tasks', tasks, '--jobs', String(concurrency), '--json'], 'pipe')
  let done = 0
  child.stdout?.on('data', (/** @type {Buffer} */ chunk) => {
    for (const byte of chunk) if (byte === 10) done += 1
    note(done)
  })
  const [status] = await once(child, 'close')
  if (status !== 0) throw new Error(`drover run: ${status}`)
}

async function there() {
  const queue = `redis+socket://${socket}?queue=starts`
  await submit(all, { queue })
  const redis = new Redis({ path: socket })
  const child = start(['work', '--queue', queue, '--jobs', String(concurrency), '--quiet'], 'ignore')
  for (let done = 0; done < count; ) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    if (child.exitCode !== null) throw new Error(`drover work: ${child.exitCode}`)
    done = await redis.zcard('{drover-starts}:starts:completed')
    note(done)
  }
  child.kill('SIGTERM')
  await once(child, 'close')
  redis.disconnect()
}

await (pool === 'run' ? here() : there())
const last = seen.findIndex(({ done }) => done === count)
const first = seen.findIndex(({ done }) => done >= count / 10)
const [from, to] = [seen[first], seen[last]]
if (from === undefined || to === undefined) throw new Error(`${seen.at(-1)?.done} of ${count} have a result`)
report({ rate: (to.done - from.done) / ((to.ms - from.ms) / 1_000) })
