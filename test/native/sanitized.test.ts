import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const FOLDER = fileURLToPath(new URL('../../native', import.meta.url))

it('the launcher passes its own tests and its fuzzers under the sanitizers', { timeout: 180_000 }, async () => {
  // make fails with what the first failing test printed.
  const { stdout, stderr } = await promisify(execFile)('make', ['-C', FOLDER, 'test', 'FUZZ_SECONDS=3'])
  expect(`${stdout}${stderr}`).not.toMatch(/ERROR: |runtime error|not ok/)
  expect(stdout).toMatch(/fuzz/)
})
