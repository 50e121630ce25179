import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { privateServer } from '../../src/fleet/private-server/index.js'
import { readKeyFile, readKeyFiles, TaskSigner, TaskVerifier } from '../../src/fleet/trust/index.js'
import { rememberingStore } from '../fleet/trust/keys.js'
import { processesWith } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { blocksOf, blocksOfPages, ROOT } from './pages.js'

const folder = mkdtempSync(join(tmpdir(), 'drover-fleet-docs-'))

beforeAll(() => {
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(ROOT, join(folder, 'node_modules/drover'))
  symlinkSync(join(ROOT, 'node_modules/bullmq'), join(folder, 'node_modules/bullmq'))
})
afterAll(async () => {
  await until('the private server has ended', () => processesWith(folder).length === 0, 20_000)
  rmSync(folder, { recursive: true, force: true })
})

const pages = blocksOfPages('docs/fleet.md', 'docs/fleet-dashboard.md', 'docs/fleet-trust.md')
const trust = pages['docs/fleet-trust.md']

async function runProgram(code: string): Promise<string> {
  const file = join(folder, 'program.mjs')
  writeFileSync(file, code)
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { cwd: folder })
  expect(stderr).toBe('')
  return stdout
}

const [pair, secret] = trust.take('sh')
const [working, signing, serving] = trust.take('js')

it('fleet-trust.md: the keys that are made can be used', () => {
  execFileSync('sh', ['-ec', `${pair}${secret}`], { cwd: folder, stdio: 'pipe' })
  const [privateKey, publicKey] = readKeyFiles(['fleet.pem', 'fleet.pub'].map((name) => join(folder, name)))
  expect(new TaskSigner({ keys: [privateKey!], queue: 'drover' }).keyId).toBe(publicKey!.id)
  expect(readKeyFile(join(folder, 'fleet.key'))[0]!.kind).toBe('hmac-sha256')
})

it('fleet-trust.md: what is signed by another language, by what the page says, is accepted', async () => {
  const [script] = trust.take('python')
  writeFileSync(join(folder, 'sign.py'), script!)
  const { content, proof } = JSON.parse(execFileSync('python3', ['sign.py'], { cwd: folder, encoding: 'utf8' }))
  const keys = readKeyFile(join(folder, 'fleet.key'))
  const verifier = new TaskVerifier({ keys, queue: 'drover', replays: rememberingStore() })
  const job = { jobId: 'night.a1', content }
  expect(await verifier.verify({ ...job, signature: proof })).toMatchObject({ accepted: true, run: 'night' })
  expect(await verifier.verify({ ...job, content: { ...content, index: 1 }, signature: proof })).toMatchObject({
    reason: 'altered',
  })
})

it('fleet-trust.md: its programs print what they say', async () => {
  expect(await runProgram(working!)).toBe('succeeded unsigned\n')
  expect(await runProgram(signing!)).toBe('true\nreplayed\naltered\n')
  expect(await runProgram(serving!)).toBe('true\n')
})

it('fleet-dashboard.md: its program prints what it says', async () => {
  const [program] = pages['docs/fleet-dashboard.md'].take('js')
  expect(await runProgram(program!)).toBe('drover_tasks_total{state="succeeded",queue="drover"} 1\n')
})

it('fleet-dashboard.md: the packages that it names are those that the error names, and optional', () => {
  const [line] = blocksOf('docs/fleet-dashboard.md').filter(({ language }) => language === 'sh')
  const packages = line!.code.trim().split(' ').slice(2)
  const { peerDependenciesMeta } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  for (const name of packages) expect(peerDependenciesMeta[name]).toEqual({ optional: true })
  expect(readFileSync(join(ROOT, 'src/fleet/dashboard/packages.ts'), 'utf8')).toContain(`'${packages.join(' ')}'`)
})

it('fleet.md: its program prints what became of its tasks', async () => {
  const [program] = pages['docs/fleet.md'].take('js')
  expect((await runProgram(program!)).trimEnd().split('\n').sort()).toEqual(['succeeded a', 'succeeded b'])
})

it('fleet.md: its lines for the shell are calls that drover understands, and those to try do what they say', async () => {
  const [working, submitting, trying, limiting] = pages['docs/fleet.md'].take('sh')
  const bin = mkdtempSync(join(folder, 'bin-'))
  writeFileSync(join(bin, 'drover'), `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'bin/drover.cjs')}' "$@"\n`, {
    mode: 0o755,
  })
  const run = (script: string, env: NodeJS.ProcessEnv) =>
    promisify(execFile)('sh', ['-ec', script], {
      cwd: folder,
      env: { ...process.env, ...env, PATH: `${bin}:${process.env.PATH}` },
    })
  const server = await privateServer({ folder: join(folder, 'shell'), idleMs: 1_000 })
  try {
    writeFileSync(join(folder, 'jobs.jsonl'), '{"command":"echo","args":["done"]}\n')
    const here = (script: string) => script.replaceAll('redis://queue.example.org', server.address)
    // The worker is ended when all is done.
    const work = `${here(working!).trim()} --quiet & worker=$!\n`
    const { stdout } = await run(`${work}${here(limiting!)}${here(submitting!)}kill $worker && wait $worker`, {})
    expect(stdout).toContain('"stdout":"done\\n"')
    expect(stdout).toMatch(/queue drover: 0 waiting, 0 running, 2 done/)
  } finally {
    await server.close()
  }
  const home = join(folder, 'home')
  const { stdout } = await run(trying!, { XDG_DATA_HOME: home, XDG_STATE_HOME: home })
  const [user] = [userInfo().username]
  expect(stdout).toBe(`first\none, by ${user}\ntwo, by ${user}\n`)
  const pid = processesWith(join(home, 'drover/server')).find((each) =>
    readFileSync(`/proc/${each}/cmdline`, 'utf8').includes('keeper-main'),
  )
  process.kill(pid!, 'SIGTERM')
}, 60_000)
