import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Drover, drover } from '../helpers/drover.js'
import { processesWith } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { kill } from './private-server/support.js'

let folder: string
let env: NodeJS.ProcessEnv
const started: Drover[] = []

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'drover-own-')))
  env = { XDG_DATA_HOME: folder, XDG_STATE_HOME: folder, DROVER_QUEUE: '', DROVER_DASHBOARD_TOKEN: '' }
})
afterEach(async () => {
  for (const each of started.splice(0)) each.process.kill('SIGKILL')
  for (const pid of processesWith(folder)) kill(pid, 'SIGTERM')
  await until('all have ended', () => processesWith(folder).length === 0, 20_000)
  rmSync(folder, { recursive: true, force: true })
})

function start(args: readonly string[]): Drover {
  const each = new Drover(args, { env })
  started.push(each)
  return each
}

it('what is submitted today is worked off after all processes have died, on a server of its own', async () => {
  const out = join(folder, 'out')
  const submitted = await drover(['submit', '--run', 'today', `echo {} >> '${out}'`, ':::', '1', '2', '3'], { env })
  expect(submitted).toMatchObject({ status: 0, stdout: 'today\n' })
  for (const pid of processesWith(folder)) kill(pid, 'SIGKILL')
  await until('all have died', () => processesWith(folder).length === 0)

  const worker = start(['work', '-j', '1', '--outputs', 'none'])
  await until(
    'all was worked off',
    async () => {
      const { stdout } = await drover(['status', '--json', 'today'], { env })
      return JSON.parse(stdout).tasks.done === 3
    },
    20_000,
  )
  expect(readFileSync(out, 'utf8').trim().split('\n').sort()).toEqual(['1', '2', '3'])
  worker.process.kill('SIGTERM')
  expect(await worker.end).toMatchObject({ status: 0 })
}, 60_000)

it('a worker with a key and a dashboard runs what was signed, and shows what it refused', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const [signing, verifying] = [join(folder, 'fleet.pem'), join(folder, 'fleet.pub')]
  writeFileSync(signing, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  writeFileSync(verifying, publicKey.export({ type: 'spki', format: 'pem' }))
  const worker = start(['work', '--key', verifying, '--dashboard', '0.0.0.0:0', '--outputs', 'none', '--quiet'])
  const urlIn = () => /dashboard: (http:\/\/0\.0\.0\.0:\d+\/)\?token=([\w-]{43})/.exec(worker.stderr)
  await until('it has said where its dashboard is', () => urlIn() !== null, 20_000)
  const [, url, token] = urlIn()!

  const signed = await drover(['submit', '--wait', '--json', '--key', signing, 'echo {}', ':::', 'hello'], { env })
  expect(JSON.parse(signed.stdout)).toMatchObject({ state: 'succeeded', stdout: 'hello\n' })
  const forged = await drover(['submit', '--wait', '--json', 'echo {}', ':::', 'forged'], { env })
  const result = JSON.parse(forged.stdout)
  expect(result).toMatchObject({ state: 'invalid', error: { code: 'ERR_DROVER_REFUSED' } })
  expect(result.error.message).toMatch(/^unsigned: /)

  expect((await fetch(`${url}metrics`)).status).toBe(401)
  const metrics = await fetch(`${url}metrics`, { headers: { authorization: `Bearer ${token}` } })
  const text = await metrics.text()
  expect(text).toContain('drover_tasks_total{state="succeeded",queue="drover"} 1\n')
  expect(text).toContain('drover_tasks_refused_total{reason="unsigned",queue="drover"} 1\n')
  expect(await (await fetch(`${url}?token=${token}`, { redirect: 'manual' })).text()).toBe('')
}, 60_000)

it('a key that others can read, and a dashboard without a place, are mistakes before anything is started', async () => {
  const key = join(folder, 'open.key')
  writeFileSync(key, 'x'.repeat(32), { mode: 0o644 })
  for (const [words, problem] of [
    [['work', '--key', key], /can be read or written by others.*chmod 600/],
    [['work', '--dashboard', 'here'], /expected \[HOST:\]PORT/],
    [['submit', '--key', key, 'true', ':::', '1'], /chmod 600/],
  ] as const) {
    const end = await drover(words, { env })
    expect(end.status).toBe(255)
    expect(end.stderr).toMatch(problem)
    expect(processesWith(folder)).toEqual([])
  }
}, 60_000)
