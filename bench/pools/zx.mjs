import pLimit from 'p-limit'
import { $, quote } from 'zx'

/**
 * zx would start bash with options in front of each command; here it gets the same shell as everyone.
 *
 * @type {import('../lib/types.d.ts').Pool}
 */
export async function runAll(commands, concurrency, onStdout) {
  const shell = $({ shell: '/bin/sh', prefix: '', postfix: '', quote, stdio: ['ignore', 'pipe', 'pipe'], quiet: true })
  const limit = pLimit(concurrency)
  const run = async (/** @type {string} */ command) =>
    onStdout((await shell(Object.assign([command], { raw: [command] }))).stdout)
  await Promise.all([...commands].map((command) => limit(run, command)))
}
