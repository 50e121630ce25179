import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { atLeastTimes } from '../lib/expectations.mjs'
import { DROVER } from '../lib/inputs.mjs'
import { runProgram } from '../lib/programs.mjs'

const MEGABYTE = 1024 * 1024
const LINES_A_PART = 13_000

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
 * Lines like those of a log.
 *
 * @param {string} folder
 * @param {number} bytes About so many.
 */
function logFile(folder, bytes) {
  const file = join(folder, 'log')
  const part = Array.from(
    { length: LINES_A_PART },
    (_, n) => `${n} GET /pages/${(n * 7_919) % 1_000_003} 200 ${'x'.repeat(n % 97)}\n`,
  )
  const text = part.join('')
  const parts = Math.ceil(bytes / text.length)
  const fd = openSync(file, 'w')
  for (let n = 0; n < parts; n++) writeSync(fd, text)
  closeSync(fd)
  return { file, lines: parts * LINES_A_PART, size: statSync(file).size }
}

/** @type {import('../lib/types.d.ts').Case} */
export default {
  name: 'pipe',
  title: '1 GB of lines cut into blocks of 10 MB, each for a `wc -l`, 2 at once',
  metrics: [{ key: 'rate', label: 'MB a second', digits: 0 }],
  subject: 'drover run --pipe < file',
  contestants({ quick, folder: given }) {
    const folder = quickFolder(given)
    const { file, lines, size } = logFile(folder, quick ? 30 * MEGABYTE : 1_024 * MEGABYTE)
    const env = { PARALLEL_HOME: folder, PARALLEL_SHELL: '/bin/sh' }
    const counted =
      (
        /** @type {string} */ program,
        /** @type {string[]} */ args,
        /** @type {string | undefined} */ stdin = undefined,
      ) =>
      async () => {
        const { seconds, stdout } = await runProgram(program, args, { stdin, env })
        const found = stdout
          .trim()
          .split('\n')
          .reduce((sum, line) => sum + Number.parseInt(line, 10), 0)
        if (found !== lines) throw new Error(`${found} of ${lines} lines were counted`)
        return { rate: size / MEGABYTE / seconds }
      }
    const drover = ['run', '-j2', '--block', '10M']
    const parallel = ['--will-cite', '-j2', '--block', '10M']
    const shell = (/** @type {string[]} */ words) => `cat '${file}' | ${words.map((word) => `'${word}'`).join(' ')}`
    const throughCat = (/** @type {string[]} */ words) => counted('/bin/sh', ['-c', shell(words)])
    const count = ['wc', '-l']
    return [
      {
        name: 'drover run --pipe < file',
        run: counted(process.execPath, [DROVER, ...drover, '--pipe', ...count], file),
      },
      {
        name: 'parallel --pipe < file',
        needs: ['parallel'],
        run: counted('parallel', [...parallel, '--pipe', ...count], file),
      },
      {
        name: 'drover run --pipe-part',
        run: counted(process.execPath, [DROVER, ...drover, '--pipe-part', '-a', file, ...count]),
      },
      {
        name: 'parallel --pipepart',
        needs: ['parallel'],
        run: counted('parallel', [...parallel, '--pipepart', '-a', file, ...count]),
      },
      {
        name: 'cat | drover run --pipe',
        subject: 'cat | drover run --pipe',
        run: throughCat([process.execPath, DROVER, ...drover, '--pipe', ...count]),
      },
      {
        name: 'cat | parallel --pipe',
        subject: 'cat | drover run --pipe',
        needs: ['parallel'],
        run: throughCat(['parallel', ...parallel, '--pipe', ...count]),
      },
      { name: 'cat | wc -l', run: throughCat(count) },
      { name: 'wc -l < file', run: counted('wc', ['-l'], file) },
    ]
  },
  expectations: () => [
    atLeastTimes('rate', 'drover run --pipe < file', 'parallel --pipe < file', 2),
    atLeastTimes('rate', 'drover run --pipe-part', 'parallel --pipepart', 1),
    atLeastTimes('rate', 'cat | drover run --pipe', 'cat | parallel --pipe', 1),
  ],
}
