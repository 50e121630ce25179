import { dispatch } from '../../dist/index.js'

/** @type {import('../lib/types.d.ts').Pool} */
export async function runAll(commands, concurrency, onStdout) {
  for await (const result of dispatch(commands, { concurrency })) onStdout(result.stdout)
}
