// npm run bench [-- --quick] [--case NAME]… [--rounds N]
import { fork } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compileLimit, describeMachine, findPeers, installPackages } from './lib/machine.mjs'
import { renderReport } from './lib/report.mjs'

const TASK_CASES = [
  'starts',
  'big-parent',
  'blocking',
  'parent-cpu',
  'memory',
  'output',
  'crowd',
  'start-up',
  'pipe',
  'steering',
  'progress',
]
const POOL_CASES = ['messages', 'round-trip', 'long-messages', 'huge-messages']
const FLEET_CASES = ['fleet-jobs', 'fleet-starts']
const CASES = [...TASK_CASES, ...POOL_CASES, ...FLEET_CASES]
const here = import.meta.dirname

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      case: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
    },
  })
  const unknown = values.case.filter((name) => !CASES.includes(name))
  if (unknown.length > 0) throw new Error(`there is no case ${unknown.join(', ')}; known are ${CASES.join(', ')}`)
  const rounds = values.rounds === undefined ? (values.quick ? 1 : 5) : Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds: expected a whole number of at least 1`)
  return { quick: values.quick, names: values.case.length > 0 ? values.case : CASES, rounds }
}

/** @type {import('node:child_process').ChildProcess | null} */
let current = null
let stopped = false
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.on(signal, () => {
    stopped = true
    current?.kill('SIGTERM')
  })
}

/**
 * @param {object} order What the case's process is to do.
 * @returns {Promise<import('./lib/types.d.ts').CaseReport>}
 */
function inProcess(order) {
  return new Promise((resolve, reject) => {
    const child = fork(join(here, 'lib/case-process.mjs'))
    current = child
    /** @type {import('./lib/types.d.ts').CaseReport | null} */
    let found = null
    child.on('message', (/** @type {any} */ { line, report }) => {
      if (line !== undefined) process.stdout.write(`${line}\n`)
      if (report !== undefined) found = report
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      current = null
      if (found !== null && !stopped) resolve(found)
      else reject(new Error(stopped ? 'interrupted' : `a case ended with ${signal ?? code} and no results`))
    })
    child.send(order)
  })
}

/** @param {string} file @returns {import('./lib/types.d.ts').CaseReport[]} */
function casesIn(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).cases : []
}

async function main() {
  const { quick, names, rounds } = readOptions()
  if (!existsSync(join(here, '../dist/index.js'))) throw new Error('drover is not built; run npm run build first')
  await installPackages()
  const { versions, missing } = findPeers()
  if (missing.length > 0) process.stdout.write(`left out, not there: ${missing.join(', ')}\n`)
  const launcher = process.env.DROVER_LAUNCHER || 'auto'
  const load = loadavg()
  process.stdout.write(`launcher: ${launcher}; load before: ${load.map((value) => value.toFixed(2)).join(', ')}\n`)

  const folder = mkdtempSync(join(tmpdir(), 'drover-bench-'))
  /** @type {Map<string, import('./lib/types.d.ts').CaseReport>} */
  const reports = new Map()
  try {
    const limit = versions.cc === undefined ? null : await compileLimit()
    const context = { quick, folder, limit, available: Object.keys(versions) }
    for (const name of names) {
      process.stdout.write(`${name}\n`)
      reports.set(name, await inProcess({ name, rounds, context }))
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }

  const target = quick ? mkdtempSync(join(tmpdir(), 'drover-bench-results-')) : here
  const [json, markdown] = [join(target, 'results.json'), join(target, 'RESULTS.md')]
  // Cases that were not run now keep what was found the last time.
  const before = new Map(casesIn(json).map((report) => [report.name, report]))
  const cases = CASES.map((name) => reports.get(name) ?? before.get(name)).filter((report) => report !== undefined)
  const date = new Date().toISOString()
  const report = { date, quick, launcher, machine: describeMachine(), load, versions, missing, cases }
  writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
  writeFileSync(markdown, renderReport(report))
  process.stdout.write(`written: ${markdown} and ${json}\n`)

  const failed = [...reports.values()].flatMap((found) =>
    found.contestants
      .filter(({ errors }) => errors.length > 0)
      .map(({ name, errors }) => `${found.name}, ${name}: ${errors[0]}`),
  )
  for (const line of failed) process.stderr.write(`failed: ${line}\n`)
  if (failed.length > 0) process.exitCode = 1
}

main().catch((error) => {
  process.stderr.write(`bench: ${error.message}\n`)
  process.exitCode = stopped ? 130 : 1
})
