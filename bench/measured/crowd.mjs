// Many children alive at once, then all killed: { way, count }.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Dispatcher, Process } from '../../dist/index.js'
import { isAlive } from '../lib/proc.mjs'
import { parameters, report } from './report.mjs'

const { way, count } = parameters
const SECONDS = '60'
const LONGEST_MS = 50_000
const ids = Array.from({ length: count })

/** @typedef {{ children: { pid?: number | null }[], kill: () => void, ended: () => Promise<unknown> }} Crowd */

/** @param {boolean} withGrace @returns {Crowd} */
function droverCrowd(withGrace) {
  const dispatcher = new Dispatcher({ concurrency: count })
  const children = ids.map(() => new Process('sleep', [SECONDS]))
  for (const child of children) dispatcher.add(child)
  const kill = withGrace
    ? () => dispatcher.halt('now')
    : () => {
        for (const child of children) void child.kill({ graceMs: 0 })
      }
  return { children, kill, ended: () => dispatcher.close() }
}

/** @returns {Crowd} */
function childProcessCrowd() {
  const children = ids.map(() => spawn('sleep', [SECONDS], { stdio: ['ignore', 'pipe', 'pipe'] }))
  const closed = children.map((child) => once(child, 'close'))
  return {
    children,
    kill: () => {
      for (const child of children) child.kill('SIGKILL')
    },
    ended: () => Promise.all(closed),
  }
}

/** @type {Record<string, () => Crowd>} */
const ways = {
  'drover-halt': () => droverCrowd(true),
  'drover-kill': () => droverCrowd(false),
  'child-process': childProcessCrowd,
}

/**
 * Resolves when it holds for each; asks for none again for which it held.
 *
 * @template T
 * @param {readonly T[]} list
 * @param {(item: T) => boolean} holds
 */
async function untilAll(list, holds) {
  const giveUp = performance.now() + LONGEST_MS
  for (const item of list) {
    while (!holds(item)) {
      if (performance.now() > giveUp) throw new Error(`waited for longer than ${LONGEST_MS} ms`)
      await sleep(1)
    }
  }
}

const begun = performance.now()
const crowd = ways[way]()
process.once('SIGTERM', async () => {
  crowd.kill()
  await crowd.ended()
  process.exit(1)
})
await untilAll(crowd.children, (child) => typeof child.pid === 'number')
const startMs = performance.now() - begun
const pids = crowd.children.map((child) => Number(child.pid))
if (!pids.every(isAlive)) throw new Error('some ended before they were killed')

const killed = performance.now()
crowd.kill()
await untilAll(pids, (pid) => !isAlive(pid))
const goneMs = performance.now() - killed
await crowd.ended()
report({ startMs, goneMs, endedMs: performance.now() - killed })
