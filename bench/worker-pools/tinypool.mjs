import Tinypool from 'tinypool'

/** @type {import('../lib/types.d.ts').OpenEchoPool} */
export function open(workers) {
  const filename = new URL('../workers/echo.mjs', import.meta.url).href
  const pool = new Tinypool({
    filename,
    name: 'handle',
    runtime: 'child_process',
    minThreads: workers,
    maxThreads: workers,
  })
  return {
    echo: async (message) => pool.run(message),
    close: () => pool.destroy(),
  }
}
