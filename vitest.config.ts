import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    globalSetup: ['test/build.ts'],
    setupFiles: ['test/ends-with-vitest.ts'],
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // Most tests wait for processes most of their time, so that more of them at once than there are CPUs is faster.
    maxWorkers: 2 * availableParallelism(),
  },
})
