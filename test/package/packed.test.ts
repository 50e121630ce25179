import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The packed package, installed into an empty folder as a user does. */
describe('the package', { timeout: 120_000 }, () => {
  let folder: string
  let program: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'drover-packed-'))
    const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], {
      cwd: ROOT,
    })
    writeFileSync(join(folder, 'package.json'), '{"private": true, "type": "module"}')
    await run(
      'npm',
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', join(folder, stdout.trim())],
      { cwd: folder },
    )
    program = join(folder, 'node_modules/.bin/drover')
  }, 120_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('holds what it needs and nothing else', () => {
    const installed = join(folder, 'node_modules/drover')
    expect(readdirSync(installed).sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'bin',
      'clients',
      'dist',
      'docs',
      'package.json',
      'prebuilds',
    ])
    expect(readdirSync(join(installed, 'clients'), { recursive: true }).sort()).toEqual([
      'README.md',
      'php',
      'php/Drover.php',
      'php/DroverWorker.php',
      'python',
      'python/drover_client.py',
      'python/drover_worker.py',
    ])
    expect(existsSync(join(installed, `prebuilds/${process.platform}-${process.arch}/drover-launcher`))).toBe(true)
  })

  it('runs its command, by the native launcher, with no compiler on the PATH', async () => {
    const bin = join(folder, 'bin')
    mkdirSync(bin)
    symlinkSync(process.execPath, join(bin, 'node'))
    const env = { ...process.env, PATH: bin, DROVER_LAUNCHER: 'native' }
    const { stdout } = await run(program, ['run', '--json', 'echo {}', ':::', 'packed'], { cwd: folder, env })
    expect(JSON.parse(stdout)).toMatchObject({ state: 'succeeded', stdout: 'packed\n', cpuUserMs: expect.any(Number) })
  })

  it('runs its command with everything on the PATH', async () => {
    const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
    const { stdout } = await run(program, ['run', '-k', 'echo', ':::', 'a', 'b'], { cwd: folder, env })
    expect(stdout).toBe('a\nb\n')
  })

  it('tells by drover doctor which launcher it uses, and what that can do', async () => {
    const { stdout } = await run(program, ['doctor', '--json'], { cwd: folder })
    expect(JSON.parse(stdout)).toMatchObject({
      launcher: { name: 'native', problem: null, capabilities: { endsWithParent: true } },
    })
    rmSync(join(folder, 'node_modules/drover/prebuilds'), { recursive: true })
    const without = await run(program, ['doctor'], { cwd: folder })
    expect(without.stdout).toMatch(/launcher +node/)
    expect(without.stdout).toMatch(/did not come with the package/)
    const { stdout: fine } = await run(program, ['run', 'echo {}', ':::', 'still'], { cwd: folder })
    expect(fine).toBe('still\n')
  })

  it('is imported by name', async () => {
    writeFileSync(
      join(folder, 'use.js'),
      "import { run } from 'drover'\nconsole.log((await run('echo', ['hi'])).stdout)\n",
    )
    const { stdout } = await run(process.execPath, ['use.js'], { cwd: folder })
    expect(stdout).toBe('hi\n\n')
  })
})

it('builds without a compiler, and says what that means', async () => {
  const env = { ...process.env, CC: '/nonexistent/cc' }
  const { stdout } = await run(process.execPath, [join(ROOT, 'native/build.mjs')], { env })
  expect(stdout).toMatch(/native launcher was not built.*node adapter/)
})
