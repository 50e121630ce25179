import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** @typedef {import('./types.d.ts').Measured} Measured */

const MOST_INDEX_BYTES = 64
/** What garbage and the allocator may hold besides. */
const NOISE_MB = 24
const WANTED_RATIO = 0.9
/** Other work on the machine can take so much; less is not noise. */
const LEAST_RATIO = 0.75
const MEGABYTE = 1024 * 1024

/**
 * Very many tasks and very long journals.
 *
 * @param {{ isFull: boolean, say: (line: string) => void }} options
 * @returns {Promise<Measured[]>}
 */
export async function measureLoad({ isFull, say }) {
  const [tasks, records] = isFull ? [1_000_000, [1_000_000, 20_000_000]] : [100_000, [1_000_000]]
  const folder = mkdtempSync(join(tmpdir(), 'drover-load-'))
  try {
    say(`load: ${tasks.toLocaleString('en')} tasks with a journal, and as many without`)
    const found = runFigures(tasks, await measure('run', { count: tasks, folder }))
    for (const count of records) {
      say(`load: resuming from a journal of ${count.toLocaleString('en')} results`)
      found.push(...indexFigures(count, await measure('index', { count, folder })))
    }
    return found
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @param {'run' | 'index'} program @param {{ count: number, folder: string }} parameters */
async function measure(program, parameters) {
  const file = join(import.meta.dirname, `../load/${program}.mjs`)
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', file, JSON.stringify(parameters)])
  return JSON.parse(stdout)
}

/**
 * @param {number} count
 * @param {{ tenthMb: number, endMb: number, ratio: number, keptRate: number, plainRate: number, wrong: number }} figures
 * @returns {Measured[]}
 */
function runFigures(count, { tenthMb, endMb, ratio, keptRate, plainRate, wrong }) {
  const most = NOISE_MB + (count * 0.9 * MOST_INDEX_BYTES) / MEGABYTE
  const tasks = `${count.toLocaleString('en')} tasks`
  return [
    {
      what: `${tasks}: indexes that are not in the journal exactly once`,
      measured: String(wrong),
      wanted: '0',
      isMet: wrong === 0,
    },
    {
      what: `${tasks}: resident at a tenth of the way and at the end`,
      measured: `${tenthMb.toFixed(1)} and ${endMb.toFixed(1)} MB`,
      wanted: `at most ${most.toFixed(0)} MB more, of which ${MOST_INDEX_BYTES} bytes a task`,
      isMet: endMb - tenthMb <= most,
    },
    {
      what: `${tasks}: rate with the journal ÷ rate without`,
      measured: `${ratio.toFixed(2)} (${keptRate.toFixed(0)} and ${plainRate.toFixed(0)} a second)`,
      wanted: `${WANTED_RATIO} on a quiet machine, never under ${LEAST_RATIO}`,
      isMet: ratio >= LEAST_RATIO,
    },
  ]
}

/**
 * @param {number} count
 * @param {{ size: number, unknown: number, ran: number, seconds: number, bytes: number, rssBytes: number }} figures
 * @returns {Measured[]}
 */
function indexFigures(count, { size, unknown, ran, seconds, bytes, rssBytes }) {
  const records = `${count.toLocaleString('en')} results to resume from`
  return [
    {
      what: `${records}: known, and missed among a thousand`,
      measured: `${size.toLocaleString('en')} and ${unknown}, read in ${seconds.toFixed(1)} s`,
      wanted: 'all and 0',
      // Two of 20 million may have the same 64 bits.
      isMet: count - size <= 1 && unknown === 0 && ran === 1,
    },
    {
      what: `${records}: bytes in memory for each`,
      measured: `${bytes.toFixed(1)} (${rssBytes.toFixed(1)} resident)`,
      wanted: `at most ${MOST_INDEX_BYTES}`,
      isMet: bytes <= MOST_INDEX_BYTES,
    },
  ]
}
