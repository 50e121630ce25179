import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { BatchCluster, Task } from 'batch-cluster'

const DONE = '{done}'

/**
 * A command that answers a line with a line is all that it talks to. It is not to wait 30 ms for standard error after each
 * answer, nor to replace a process after 500 of them.
 *
 * @type {import('../lib/types.d.ts').OpenEchoPool}
 */
export function open(workers) {
  const script = fileURLToPath(new URL('../workers/lines.mjs', import.meta.url))
  const pool = new BatchCluster({
    processFactory: () => spawn(process.execPath, [script], { stdio: 'pipe' }),
    versionCommand: 'hello',
    pass: DONE,
    fail: '{failed}',
    maxProcs: workers,
    minDelayBetweenSpawnMillis: 0,
    maxTasksPerProcess: Number.MAX_SAFE_INTEGER,
    streamFlushMillis: 0,
    unrefStreams: false,
  })
  const parse = (/** @type {string} */ stdout) => stdout.trimEnd()
  return {
    echo: (message) => pool.enqueueTask(new Task(`${message}\n`, parse)),
    close: () => pool.end(),
  }
}
