import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DROVER } from './inputs.mjs'
import { runProgram } from './programs.mjs'

/**
 * Runs drover's command line with a program loaded into it that reports at its end.
 *
 * @param {'peak' | 'memory'} preload
 * @param {readonly string[]} args
 * @param {{ stdin?: string, stdout: string }} files
 * @returns {Promise<any>} Its figures and the seconds it took.
 */
export async function commandLine(preload, args, { stdin, stdout }) {
  const program = pathToFileURL(join(import.meta.dirname, `../measured/${preload}-preload.mjs`)).href
  const report = join(dirname(stdout), `${preload}-report`)
  const { seconds } = await runProgram(process.execPath, ['--expose-gc', '--import', program, DROVER, ...args], {
    stdin,
    stdout,
    env: { BENCH_REPORT: report },
  })
  return { ...JSON.parse(readFileSync(report, 'utf8')), seconds }
}
