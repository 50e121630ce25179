import { fileURLToPath } from 'node:url'
import { Worker } from 'jest-worker'

/** @type {import('../lib/types.d.ts').OpenEchoPool} */
export function open(workers) {
  const script = fileURLToPath(new URL('../workers/echo.mjs', import.meta.url))
  const pool = new Worker(script, { numWorkers: workers, exposedMethods: ['handle'] })
  return {
    echo: async (message) => /** @type {any} */ (pool).handle(message),
    close: () => pool.end(),
  }
}
