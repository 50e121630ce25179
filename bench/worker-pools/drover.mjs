import { ProcessPool } from '../../dist/index.js'

/** @type {import('../lib/types.d.ts').OpenEchoPool} */
export function open(workers, options) {
  const pool = new ProcessPool(new URL('../workers/echo.mjs', import.meta.url), {
    min: workers,
    max: workers,
    ...options,
  })
  return {
    echo: async (message) => String((await pool.request(message)).value),
    close: () => pool.close(),
  }
}
