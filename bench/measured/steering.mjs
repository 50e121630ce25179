// Runs `echo N` many times: { how: 'plain' | 'steerable' | 'asked', count, concurrency }.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { dispatch } from '../../dist/index.js'
import { checkSum } from '../lib/inputs.mjs'
import { echoes, parameters, report } from './report.mjs'

const { how, count, concurrency } = parameters
const run = dispatch(echoes(count), { concurrency, control: how !== 'plain', total: count })
const asker = how === 'asked' ? fork(fileURLToPath(new URL('asker.mjs', import.meta.url)), [run.run]) : null

let done = 0
let sum = 0
const cpuBefore = process.cpuUsage()
const begun = performance.now()
for await (const { stdout } of run) {
  done += 1
  sum += Number(stdout)
}
const rate = (done / (performance.now() - begun)) * 1_000
const cpu = process.cpuUsage(cpuBefore)
checkSum(done, sum, count)
const answers = asker === null ? {} : (await once(asker, 'message'))[0]
report({ rate, cpuMs: (cpu.user + cpu.system) / 1_000 / done, ...answers })
