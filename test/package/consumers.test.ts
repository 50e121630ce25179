import { cpSync, mkdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { installed, nodeOf } from '../../scripts/installed.mjs'
import { consumer, execute, ROOT } from './support.js'

/** The oldest that docs/library.md names, the last one before the compiler was written anew, and the one that is used here. */
const WAYS = [
  ['5.0', 'node16', 'node16'],
  ['5.9', 'esnext', 'bundler'],
  ['own', 'node16', 'node16'],
  ['own', 'nodenext', 'nodenext'],
  ['own', 'esnext', 'bundler'],
] as const
const OWN = { compiler: 'own', resolution: ['nodenext', 'nodenext'] } as const
const NODES = [20, 22, 24, 26]

const { folder } = consumer()

beforeAll(() => {
  cpSync(fileURLToPath(new URL('consumer', import.meta.url)), join(folder, 'source'), { recursive: true })
  // What a TypeScript project for Node has.
  mkdirSync(join(folder, 'node_modules/@types'))
  for (const name of ['@types/node', 'undici-types']) {
    cpSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true })
  }
})

interface Compiling {
  readonly compiler: string
  readonly resolution: readonly [module: string, moduleResolution: string]
  readonly files: readonly string[]
  /** Default: it is only checked. */
  readonly outDir?: string
}

/** Compiles strictly, types of packages included; rejects with what the compiler says. */
async function compile({ compiler, resolution, files, outDir }: Compiling): Promise<void> {
  const place = compiler === 'own' ? join(ROOT, 'node_modules/typescript') : installed(`typescript@${compiler}`)
  const [module, moduleResolution] = resolution
  const options = [
    '--target',
    'es2022',
    '--lib',
    'es2022',
    '--module',
    module,
    '--moduleResolution',
    moduleResolution,
    '--types',
    'node',
  ]
  const output = outDir === undefined ? ['--noEmit'] : ['--outDir', outDir]
  const args = [join(place, 'bin/tsc'), '--strict', '--skipLibCheck', 'false', ...options, ...output, ...files]
  await execute(process.execPath, args, { cwd: join(folder, 'source') }).catch((error) => {
    throw new Error(error.stdout || error.stderr)
  })
}

describe('its types', { timeout: 120_000 }, () => {
  it.each(WAYS)('are those of a program that TypeScript %s takes, as %s with %s', async (compiler, ...resolution) => {
    await compile({ compiler, resolution, files: ['program.ts', 'worker.ts'] })
  })

  it('refuse what is wrong', async () => {
    writeFileSync(join(folder, 'source/wrong.ts'), "import { run } from 'drover'\nrun('true', [], { timeoutMS: 1 })\n")
    await expect(compile({ ...OWN, files: ['wrong.ts'] })).rejects.toThrow(/timeoutMS/)
  })

  it('need nothing but bullmq for a fleet', async () => {
    const places = ['bullmq', 'ioredis'].map((name) => join('node_modules', name))
    for (const place of places) symlinkSync(join(ROOT, place), join(folder, place))
    try {
      await compile({ ...OWN, files: ['fleet.ts'] })
    } finally {
      for (const place of places) unlinkSync(join(folder, place))
    }
  })
})

describe('what was compiled', { timeout: 120_000 }, () => {
  beforeAll(() => compile({ ...OWN, files: ['program.ts', 'worker.ts'], outDir: join(folder, 'compiled') }))

  describe.each(NODES)('on Node %i', (major) => {
    const run = async (program: string, ...args: string[]) => {
      const node = nodeOf(major)
      const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}`, DROVER_LAUNCHER: 'native' }
      const { stdout, stderr } = await execute(program === 'node' ? node : program, args, { cwd: folder, env })
      expect(stderr).toBe('')
      return stdout
    }

    it('does what it says', async () => {
      expect(JSON.parse(await run('node', 'compiled/program.js'))).toEqual({
        text: 'hi\n',
        states: ['two 3'],
        failures: 1,
        done: 1,
        lines: ['a', 'b'],
        named: ['ada 16', "bob the worker's handler failed: Error: bob has no password"],
        value: 'word',
        code: '1 true',
      })
    })

    it('comes with the command, which uses the native launcher', async () => {
      const [first, second] = (
        await run('npx', '--no-install', 'drover', 'run', '-k', '--json', 'echo {}', ':::', 'a', 'b')
      )
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
      expect(first).toMatchObject({ state: 'succeeded', stdout: 'a\n', cpuUserMs: expect.any(Number) })
      expect(second).toMatchObject({ state: 'succeeded', stdout: 'b\n' })
      const diagnosis = JSON.parse(await run('npx', '--no-install', 'drover', 'doctor', '--json'))
      expect(diagnosis).toMatchObject({ node: expect.stringMatching(`^v${major}\\.`), launcher: { name: 'native' } })
    })

    it('has all its entries, that for a fleet without what a fleet needs', async () => {
      const code = `const names = ['drover', 'drover/worker', 'drover/fleet']
        const entries = await Promise.all(names.map((name) => import(name)))
        const { createRequire } = await import('node:module')
        if (createRequire(import.meta.url)('drover').run !== entries[0].run) throw new Error('required is another')
        console.log(entries.map(({ run, serve, submit }) => typeof (run ?? serve ?? submit)).join(' '))
        await entries[2].status({ queue: 'redis://127.0.0.1' }).catch(({ code }) => console.log(code))`
      expect(await run('node', '--input-type=module', '-e', code)).toBe(
        'function function function\nERR_DROVER_QUEUE\n',
      )
    })
  })
})
