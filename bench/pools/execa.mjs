import { execa } from 'execa'
import pLimit from 'p-limit'

/** @type {import('../lib/types.d.ts').Pool} */
export async function runAll(commands, concurrency, onStdout) {
  const limit = pLimit(concurrency)
  const run = async (/** @type {string} */ command) => {
    const { stdout } = await execa('/bin/sh', ['-c', command], { stdin: 'ignore' })
    onStdout(stdout)
  }
  await Promise.all([...commands].map((command) => limit(run, command)))
}
