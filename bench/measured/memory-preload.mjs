// Loaded into drover's command line before it starts: writes to the file $BENCH_REPORT what the process holds at its end.
import { writeFileSync } from 'node:fs'
import { launcherPids, memoryOf, memoryOfAll } from '../lib/proc.mjs'

const MEGABYTE = 1024 * 1024
const MOST_MS = 2_000

/** @type {number[]} */
let pids = []
/** @type {number | null} The last that was seen: at the end the launcher may have gone before this is asked. */
let launcherMb = null

/** @param {number} ms */
function watch(ms) {
  look()
  setTimeout(watch, ms, Math.min(ms * 2, MOST_MS)).unref()
}

function look() {
  if (pids.length === 0) pids = launcherPids(process.pid)
  launcherMb = memoryOfAll(pids) ?? launcherMb
}

setTimeout(watch, 50, 100).unref()
process.on('exit', () => {
  look()
  globalThis.gc?.()
  // Pages are given back by another thread.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  globalThis.gc?.()
  const { heapUsed } = process.memoryUsage()
  const figures = {
    rssMb: memoryOf('self', 'VmRSS') ?? process.memoryUsage.rss() / MEGABYTE,
    heapMb: heapUsed / MEGABYTE,
    launcherMb,
  }
  writeFileSync(process.env.BENCH_REPORT ?? '/dev/null', JSON.stringify(figures))
})
