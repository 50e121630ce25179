import { fileURLToPath } from 'node:url'
import workerpool from 'workerpool'

/** @type {import('../lib/types.d.ts').OpenEchoPool} */
export function open(workers) {
  const script = fileURLToPath(new URL('../workers/workerpool.mjs', import.meta.url))
  const pool = workerpool.pool(script, { workerType: 'process', minWorkers: workers, maxWorkers: workers })
  return {
    echo: async (message) => pool.exec('handle', [message]),
    close: async () => pool.terminate(),
  }
}
