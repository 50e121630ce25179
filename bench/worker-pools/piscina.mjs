import { Piscina } from 'piscina'

/** @type {import('../lib/types.d.ts').OpenEchoPool} */
export function open(workers, options) {
  const filename = new URL('../workers/echo.mjs', import.meta.url).href
  const pool = new Piscina({ filename, name: 'handle', minThreads: workers, maxThreads: workers, ...options })
  return {
    echo: async (message) => pool.run(message),
    close: () => pool.destroy(),
  }
}
