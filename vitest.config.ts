import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    globalSetup: ['test/build.ts'],
    setupFiles: ['test/ends-with-vitest.ts'],
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // Many tests wait for processes most of their time.
    maxWorkers: '100%',
  },
})
