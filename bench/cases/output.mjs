import { existsSync, mkdtempSync, rmSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { commandLine } from '../lib/command-line.mjs'
import { atLeastTimes, differsByUnder } from '../lib/expectations.mjs'
import { LINE_BYTES, linesCommand, zerosCommand } from '../lib/much-output.mjs'
import { measure, runProgram } from '../lib/programs.mjs'

const MEGABYTE = 1024 * 1024
/** How much memory may differ between much output and a sixteenth of it, and still be called flat. */
const FLAT_MB = 64
const PART = 16
/** A file, what a runner puts aside before it prints it, and as much again for whoever else uses the disk. */
const DISK_PART = 4

const DISCARDED = 'drover, discarded'
const STRAIGHT = 'drover run --results'
const TO_FILE = 'drover run > file'
const LINES = 'lines, drover'
const sixteenth = (/** @type {string} */ name) => `${name}, a sixteenth`

/**
 * Files in memory where there is such a place, so that it is not the disk that is measured.
 *
 * @param {string} folder
 */
function quickFolder(folder) {
  if (!existsSync('/dev/shm')) return folder
  const quick = mkdtempSync('/dev/shm/drover-bench-')
  process.on('exit', () => rmSync(quick, { recursive: true, force: true }))
  return quick
}

/**
 * As much as is asked for, or what the disk has room for.
 *
 * @param {boolean} quick
 * @param {string} folder
 */
function sizeOf(quick, folder) {
  const { bavail, bsize } = statfsSync(folder)
  const most = Math.min(quick ? 16 * MEGABYTE : 4_096 * MEGABYTE, (bavail * bsize) / DISK_PART)
  return Math.floor(most / (PART * LINE_BYTES)) * PART * LINE_BYTES
}

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'output',
  title: 'one task that prints 4 GB: discarded, captured to a file, streamed by line',
  metrics: [
    { key: 'rate', label: 'MB a second', digits: 0 },
    { key: 'peakMb', label: 'peak of the parent, MB', digits: 0 },
  ],
  subject: DISCARDED,
  mostRounds: 3,
  contestants({ quick, folder: given }) {
    const folder = quickFolder(given)
    const size = sizeOf(quick, folder)
    const rate = (/** @type {number} */ bytes, /** @type {number} */ seconds) => bytes / MEGABYTE / seconds
    const read =
      (/** @type {string} */ way, bytes = size) =>
      async () => {
        const { seconds, peakMb } = await measure('output', { way, bytes })
        return { rate: rate(bytes, seconds), peakMb }
      }
    const shell = (/** @type {string} */ line) => async () => {
      const { seconds } = await runProgram('/bin/sh', ['-c', line])
      return { rate: rate(size, seconds) }
    }
    const stdout = join(folder, 'output')
    /** @param {() => Promise<{ seconds: number, peakMb?: number }>} run @param {number} [bytes] */
    const toFile =
      (run, bytes = size) =>
      async () => {
        try {
          const { seconds, peakMb = null } = await run()
          const written = statSync(stdout).size
          if (written !== bytes) throw new Error(`${written} of ${bytes} bytes are in the file`)
          return { rate: rate(bytes, seconds), peakMb }
        } finally {
          rmSync(stdout, { force: true })
        }
      }
    const lineFor = (/** @type {number} */ bytes) => `${zerosCommand(bytes)}; : {}`
    const drover = (/** @type {string[]} */ options, bytes = size) => {
      const args = ['run', '--tmpdir', folder, ...options, lineFor(bytes), ':::', 'x']
      return toFile(() => commandLine('peak', args, { stdout }), bytes)
    }
    const results = join(folder, 'results')
    const straight =
      (bytes = size) =>
      async () => {
        const args = ['run', '--results', results, lineFor(bytes), ':::', 'x']
        try {
          const { seconds, peakMb } = await commandLine('peak', args, { stdout })
          const written = statSync(join(results, '1.stdout')).size
          if (written !== bytes) throw new Error(`${written} of ${bytes} bytes are in the file`)
          return { rate: rate(bytes, seconds), peakMb }
        } finally {
          rmSync(results, { recursive: true, force: true })
        }
      }
    const env = { TMPDIR: folder, PARALLEL_HOME: folder, PARALLEL_SHELL: '/bin/sh' }
    const parallel = () => runProgram('parallel', ['--will-cite', lineFor(size), ':::', 'x'], { stdout, env })
    const cat = () => runProgram('/bin/sh', ['-c', `${zerosCommand(size)} | cat`], { stdout })
    return [
      { name: 'cat > /dev/null', run: shell(`${zerosCommand(size)} | cat > /dev/null`) },
      { name: DISCARDED, run: read('drover-discard') },
      { name: sixteenth(DISCARDED), run: read('drover-discard', size / PART) },
      { name: 'child_process, discarded', run: read('child-process-discard') },
      { name: 'cat > file', subject: TO_FILE, run: toFile(cat) },
      { name: STRAIGHT, subject: STRAIGHT, run: straight() },
      { name: sixteenth(STRAIGHT), subject: STRAIGHT, run: straight(size / PART) },
      { name: TO_FILE, subject: TO_FILE, run: drover([]) },
      { name: sixteenth(TO_FILE), subject: TO_FILE, run: drover([], size / PART) },
      { name: 'drover run --ungroup > file', subject: TO_FILE, run: drover(['--ungroup']) },
      { name: 'GNU parallel > file', subject: TO_FILE, needs: ['parallel'], run: toFile(parallel) },
      { name: 'lines, wc -l', subject: LINES, run: shell(`${linesCommand(size)} | wc -l`) },
      { name: LINES, subject: LINES, run: read('drover-lines') },
      { name: sixteenth(LINES), subject: LINES, run: read('drover-lines', size / PART) },
      { name: 'lines, child_process and readline', subject: LINES, run: read('readline-lines') },
    ]
  },
  expectations: () => [
    atLeastTimes('rate', DISCARDED, 'cat > /dev/null', 0.5),
    atLeastTimes('rate', STRAIGHT, 'cat > /dev/null', 0.5),
    atLeastTimes('rate', 'drover run --ungroup > file', 'cat > /dev/null', 0.5),
    ...[DISCARDED, STRAIGHT, TO_FILE, LINES].map((name) =>
      differsByUnder('peakMb', name, sixteenth(name), 'memory, MB', FLAT_MB),
    ),
  ],
}
