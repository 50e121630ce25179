import { existsSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { consumer, execute, ROOT } from './support.js'

const FAKE_PLATFORM = fileURLToPath(new URL('fake-platform.cjs', import.meta.url))

/** The packed package, installed into an empty folder as a user does. */
describe('the package', { timeout: 120_000 }, () => {
  const { folder, installed } = consumer()
  const program = join(folder, 'node_modules/.bin/drover')

  it('holds what it needs and nothing else', () => {
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
    await mkdir(bin)
    symlinkSync(process.execPath, join(bin, 'node'))
    const env = { ...process.env, PATH: bin, DROVER_LAUNCHER: 'native' }
    const { stdout } = await execute(program, ['run', '--json', 'echo {}', ':::', 'packed'], { cwd: folder, env })
    expect(JSON.parse(stdout)).toMatchObject({ state: 'succeeded', stdout: 'packed\n', cpuUserMs: expect.any(Number) })
  })

  it('tells by drover doctor which launcher it uses, and what that can do', async () => {
    const { stdout } = await execute(program, ['doctor', '--json'], { cwd: folder })
    expect(JSON.parse(stdout)).toMatchObject({
      launcher: { name: 'native', problem: null, capabilities: { endsWithParent: true } },
    })
  })

  it.each(['linux-riscv64', 'darwin-arm64'])(
    'does its work on %s without a native launcher, and doctor says so',
    async (platform) => {
      // What lies above the package is not its own, whatever it is called.
      const decoy = join(folder, 'native/build/drover-launcher')
      await mkdir(join(folder, 'native/build'), { recursive: true })
      writeFileSync(decoy, 'a program of somebody else’s', { mode: 0o755 })
      const env = { ...process.env, NODE_OPTIONS: `--require=${FAKE_PLATFORM}`, FAKE_PLATFORM: platform }
      const { stdout } = await execute(program, ['doctor', '--json'], { cwd: folder, env })
      expect(JSON.parse(stdout)).toMatchObject({
        platform,
        launcher: { name: 'node', problem: expect.stringMatching(/did not come with the package|is for Linux/) },
      })
      const { stdout: printed } = await execute(program, ['run', 'echo {}', ':::', 'still'], { cwd: folder, env })
      expect(printed).toBe('still\n')
    },
  )

  it.each([
    [
      'php',
      [
        '-r',
        "require $argv[1]; foreach (Drover\\run(['echo hi'], ['program' => $argv[2]]) as $result) echo $result['stdout'];",
      ],
    ],
    [
      'python3',
      [
        '-c',
        'import sys, drover_client\nfor result in drover_client.run(["echo hi"], program=sys.argv[2]): print(result["stdout"], end="")',
      ],
    ],
  ])('brings the file by which %s runs tasks with it', async (language, args) => {
    const env = { ...process.env, PYTHONPATH: join(installed, 'clients/python'), PYTHONDONTWRITEBYTECODE: '1' }
    const words = [...args, join(installed, 'clients/php/Drover.php'), program]
    const { stdout } = await execute(language, words, { cwd: folder, env })
    expect(stdout).toBe('hi\n')
  })

  it('says what a fleet needs when that is not installed', async () => {
    await expect(execute(program, ['work', '--queue', 'redis://127.0.0.1'], { cwd: folder })).rejects.toMatchObject({
      stderr: expect.stringMatching(/the package bullmq is needed .*npm install bullmq ioredis/),
    })
    const code =
      "const { submit } = await import('drover/fleet'); await submit([{ command: 'true' }], { queue: 'redis://127.0.0.1' })"
    await expect(execute(process.execPath, ['--input-type=module', '-e', code], { cwd: folder })).rejects.toMatchObject(
      { stderr: expect.stringContaining('npm install bullmq ioredis') },
    )
  })
})

it('builds without a compiler, and says what that means', async () => {
  const env = { ...process.env, CC: '/nonexistent/cc' }
  const { stdout } = await execute(process.execPath, [join(ROOT, 'native/build.mjs')], { env })
  expect(stdout).toMatch(/native launcher was not built.*node adapter/)
})

it('builds for no platform that it knows no compiler of', async () => {
  await expect(
    execute(process.execPath, [join(ROOT, 'native/build.mjs'), '--target', 'linux-mips']),
  ).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('no cross compiler is known for linux-mips') })
})
