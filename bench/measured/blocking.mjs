// How long starts keep the event loop from turning: { way, count, concurrency, holdMb, seconds, limit }.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { Dispatcher, Process } from '../../dist/index.js'
import { echoes, holdMemory, parameters, report } from './report.mjs'

const { way, count, concurrency, holdMb, seconds, limit } = parameters
const RESOLUTION_MS = 1
const NS_PER_MS = 1e6

let starts = 0
let inStartsMs = 0
let longestMs = 0

/**
 * @template T
 * @param {() => T} start
 */
function timed(start) {
  const begun = performance.now()
  const started = start()
  const ms = performance.now() - begun
  starts += 1
  inStartsMs += ms
  longestMs = Math.max(longestMs, ms)
  return started
}

class TimedProcess extends Process {
  /** @override */
  start() {
    return timed(() => super.start())
  }
}

/** @type {Record<string, (commands: IterableIterator<string>) => Promise<void>>} */
const ways = {
  async drover(commands) {
    const dispatcher = new Dispatcher({ concurrency })
    await inLoops(commands, (command) => dispatcher.add(new TimedProcess(command)))
    await dispatcher.close()
  },
  async 'child-process'(commands) {
    await inLoops(commands, async (command) => {
      const child = timed(() => spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'] }))
      child.stdout.resume()
      child.stderr.resume()
      await once(child, 'close')
    })
  },
  // Node does nothing while another process keeps the machine as busy: what the machine alone does to the loop.
  async nothing() {
    await beside
  },
}

/**
 * @param {IterableIterator<string>} commands
 * @param {(command: string) => Promise<unknown>} run
 */
async function inLoops(commands, run) {
  const loop = async () => {
    for (const command of commands) await run(command)
  }
  await Promise.all(Array.from({ length: concurrency }, loop))
}

const beside =
  way === 'nothing'
    ? once(spawn(limit, ['echo', String(count), String(concurrency)], { stdio: 'ignore' }), 'close')
    : null
holdMemory(holdMb)
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
delay.enable()
const before = performance.eventLoopUtilization()
const begun = performance.now()
await ways[way](echoes(count, seconds))
const ms = performance.now() - begun
const { active } = performance.eventLoopUtilization(before)
delay.disable()

/** The histogram has the time from one tick to the next. @param {number} ns */
const late = (ns) => Math.max(0, ns / NS_PER_MS - RESOLUTION_MS)
report({
  startMs: starts === 0 ? null : inStartsMs / starts,
  longestMs: starts === 0 ? null : longestMs,
  delayP99Ms: delay.count === 0 ? null : late(delay.percentile(99)),
  delayMaxMs: delay.count === 0 ? null : late(delay.max),
  activeMs: starts === 0 ? null : active / starts,
  rate: starts === 0 ? null : (starts / ms) * 1_000,
})
