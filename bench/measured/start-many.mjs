// Runs `echo N` many times in one of the pools: { pool, count, concurrency, holdMb, seconds }.
import { checkSum } from '../lib/inputs.mjs'
import { echoes, holdMemory, parameters, report } from './report.mjs'

const { pool, count, concurrency, holdMb = 0, seconds } = parameters
const { runAll } = await import(`../pools/${pool}.mjs`)
holdMemory(holdMb)

let done = 0
let sum = 0
const cpuBefore = process.cpuUsage()
const begun = performance.now()
await runAll(echoes(count, seconds), concurrency, (/** @type {string} */ stdout) => {
  done += 1
  sum += Number(stdout)
})
const ms = performance.now() - begun
const cpu = process.cpuUsage(cpuBefore)
checkSum(done, sum, seconds === undefined ? count : done)
report({ done, rate: (done / ms) * 1_000, cpuMs: (cpu.user + cpu.system) / 1_000 / done })
