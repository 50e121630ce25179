import { execFile, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { PROTOCOL_VERSION } from '../../src/launcher/native/wire.js'

const FOLDER = fileURLToPath(new URL('../../native', import.meta.url))
const LAUNCHER = fileURLToPath(new URL('../../prebuilds/linux-arm64/drover-launcher', import.meta.url))
const AARCH64 = 183
const execute = promisify(execFile)
const hasAll = ['aarch64-linux-gnu-gcc', 'qemu-aarch64-static'].every(
  (program) => spawnSync(program, ['--version']).error === undefined,
)

// Of a user's emulator: it has no subreapers and makes forks of vforks, so that the launcher does not run in it as a whole.
describe.runIf(hasAll)('the launcher for arm64', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    await execute(process.execPath, [`${FOLDER}/build.mjs`, '--target', 'linux-arm64'])
  }, 120_000)

  it('is a program of its own for that processor, and of the same protocol', async () => {
    expect(existsSync(LAUNCHER)).toBe(true)
    expect(readFileSync(LAUNCHER).readUInt16LE(18)).toBe(AARCH64)
    // Without a C library of that processor there is none but what it brings itself.
    const { stdout } = await execute('qemu-aarch64-static', [LAUNCHER, '--version'])
    expect(stdout).toBe(`drover-launcher protocol ${PROTOCOL_VERSION}\n`)
  })

  it('passes the tests of its parts, and its fuzzers', async () => {
    const { stdout, stderr } = await execute('make', ['-C', FOLDER, 'cross', 'FUZZ_SECONDS=2'])
    expect(`${stdout}${stderr}`).not.toMatch(/not so: |not ok/)
    expect(stdout).toMatch(/fuzz-dispatch: ok, [1-9]\d* rounds/)
    expect(stdout.match(/^\S+: ok/gm)!.length).toBeGreaterThanOrEqual(15)
  })
})

it('is built for every processor that the package is for, or that is a failure', async () => {
  const env = { ...process.env, CC: '/nonexistent/cc' }
  const built = execute(process.execPath, [`${FOLDER}/build.mjs`, '--all'], { env })
  await expect(built).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/linux-arm64 was not built.*\n.*linux-x64 was not built/),
  })
})
