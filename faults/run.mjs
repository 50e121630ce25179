// npm run faults [-- --quick] [--fault NAME]… [--seed N] [--times N] [--trial N] [--jobs N] [--deadline MS] [--json] [--load]
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { measureLoad } from './lib/load.mjs'
import { writePage } from './lib/page.mjs'
import { COUNTS, isClean, tableOf } from './lib/table.mjs'
import { Trial } from './lib/trial.mjs'

/** @typedef {import('./lib/types.d.ts').Fault} Fault */
/** @typedef {import('./lib/types.d.ts').Row} Row */

const DEFAULT_SEED = '1'
const FAMILIES = ['kills', 'signals', 'streams', 'limits', 'clocks', 'journals']
const here = import.meta.dirname

/** @type {Set<Trial>} */
const open = new Set()
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.on(signal, () => {
    for (const trial of open) trial.close()
    process.exit(130)
  })
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      fault: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string', default: DEFAULT_SEED },
      times: { type: 'string' },
      trial: { type: 'string' },
      jobs: { type: 'string', default: '4' },
      deadline: { type: 'string', default: '60000' },
      json: { type: 'boolean', default: false },
      load: { type: 'boolean', default: false },
      // Another program in place of drover, by which the suite itself is tested.
      program: { type: 'string', default: join(here, '../bin/drover.cjs') },
    },
  })
  const count = (/** @type {'times' | 'trial' | 'jobs' | 'deadline'} */ name) => {
    const given = values[name]
    if (given === undefined) return null
    if (!/^[1-9]\d*$/.test(given)) throw new Error(`--${name}: expected a whole number of at least 1, not ${given}`)
    return Number(given)
  }
  const program = resolve(values.program)
  const numbers = { times: count('times'), trial: count('trial'), jobs: count('jobs') ?? 1 }
  return { ...values, ...numbers, program, deadlineMs: count('deadline') ?? 1 }
}

/** @returns {Promise<Fault[]>} */
async function allFaults() {
  const modules = await Promise.all(FAMILIES.map((family) => import(`./cases/${family}.mjs`)))
  return modules.flatMap((module) => module.default)
}

/** @param {Fault} fault @returns {Row} */
function emptyRow({ name, title, obstacle }) {
  const notTried = obstacle?.() ?? null
  return { fault: name, title, tried: 0, notTried, lost: 0, doubled: 0, leaked: 0, hangs: 0, wrongEnds: 0 }
}

/**
 * @param {Fault} fault
 * @param {Row} row Where it is counted.
 * @param {number} number
 * @param {ReturnType<typeof readOptions>} options
 * @param {(line: string) => void} say
 */
async function tryOnce({ name, run }, row, number, { seed, program, deadlineMs }, say) {
  const trial = new Trial({ seed: `${seed}/${name}/${number}`, program, deadlineMs })
  open.add(trial)
  await trial.run(run)
  trial.close()
  open.delete(trial)
  row.tried += trial.tried
  for (const count of COUNTS) row[count] += trial.counts[count]
  if (trial.problems.length === 0) return
  say(`${name}: trial ${number} failed; kept: ${trial.folder}; again: --fault ${name} --seed ${seed} --trial ${number}`)
  for (const problem of trial.problems) say(`  ${problem}`)
}

/**
 * @param {readonly Fault[]} faults
 * @param {ReturnType<typeof readOptions>} options
 * @param {(line: string) => void} say
 * @returns {Promise<Row[]>}
 */
async function tryAll(faults, options, say) {
  const { quick, times, trial: only, jobs } = options
  const rows = faults.map(emptyRow)
  const trials = faults.flatMap((fault, place) => {
    const row = /** @type {Row} */ (rows[place])
    const most = row.notTried !== null ? 0 : (times ?? (quick ? fault.trials.quick : fault.trials.full))
    const numbers = only !== null && most > 0 ? [only] : Array.from({ length: most }, (_, n) => n + 1)
    const left = { count: numbers.length }
    return numbers.map((number) => ({ fault, row, number, left }))
  })
  const work = async () => {
    for (let next = trials.shift(); next !== undefined; next = trials.shift()) {
      const { fault, row, number, left } = next
      await tryOnce(fault, row, number, options, say)
      left.count -= 1
      if (left.count === 0) say(`  ${fault.name}: ${row.tried}`)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  for (const row of rows) {
    if (row.tried > 0 || row.notTried !== null) continue
    // A fault that never strikes proves nothing.
    row.wrongEnds += 1
    say(`${row.fault}: it has not struck once`)
  }
  return rows
}

function builtAt() {
  const file = join(here, '../dist/drover.cjs')
  if (!existsSync(file)) throw new Error('drover is not built; run npm run build first')
  return statSync(file).mtimeMs
}

/** A build removes the old one first, and whatever starts then cannot. @param {number} before */
function checkBuild(before) {
  if (builtAt() !== before)
    throw new Error('drover was built anew meanwhile; what was counted says nothing. Run it again')
}

async function main() {
  const options = readOptions()
  const known = await allFaults()
  const unknown = options.fault.filter((name) => !known.some((fault) => fault.name === name))
  const names = known.map(({ name }) => name).join(', ')
  if (unknown.length > 0) throw new Error(`there is no fault ${unknown.join(', ')}; known are ${names}`)
  const built = builtAt()
  const say = (/** @type {string} */ line) => void (options.json ? process.stderr : process.stdout).write(`${line}\n`)

  if (options.load) return report(await measureLoad({ isFull: true, say }), say)
  const chosen = options.fault.length > 0 ? known.filter(({ name }) => options.fault.includes(name)) : known
  say(`seed ${options.seed}, ${chosen.length} faults`)
  const begun = performance.now()
  const rows = await tryAll(chosen, options, say)
  checkBuild(built)
  const isWhole = !options.quick && options.fault.length === 0 && options.trial === null
  const load = isWhole ? await measureLoad({ isFull: false, say }) : []
  checkBuild(built)
  const seconds = (performance.now() - begun) / 1_000
  if (options.json) process.stdout.write(`${JSON.stringify(rows)}\n`)
  else process.stdout.write(`${tableOf(rows)}\n${Math.round(seconds)} s\n`)
  if (isWhole) say(`written: ${writePage({ rows, load, seed: options.seed, seconds })}`)
  if (!rows.every(isClean)) process.exitCode = 1
  report(load, say)
}

/** @param {readonly import('./lib/types.d.ts').Measured[]} load @param {(line: string) => void} say */
function report(load, say) {
  for (const { what, measured, wanted, isMet } of load) {
    say(`${isMet ? 'ok' : 'NO'}  ${what}: ${measured} (${wanted})`)
    if (!isMet) process.exitCode = 1
  }
}

main().catch((error) => {
  process.stderr.write(`faults: ${error.stack}\n`)
  process.exitCode = 1
})
