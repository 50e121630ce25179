import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { processesWith } from '../helpers/processes.js'

const example = (path: string) => fileURLToPath(new URL(`../../examples/${path}`, import.meta.url))

const FOLDERS = ['/usr/lib/postgresql/']
  .filter(existsSync)
  .flatMap((folder) => readdirSync(folder).map((v) => `${folder}${v}/bin`))
const hasPostgres = [...process.env.PATH!.split(delimiter), ...FOLDERS].some((path) =>
  existsSync(join(path, 'postgres')),
)

/** Without a database that is named: it starts its own. */
const { DATABASE_URL: _url, PGHOST: _host, ...env } = process.env

it.runIf(hasPostgres)(
  'create-users creates users in a database, and leaves no server behind',
  async () => {
    const args = [example('create-users/create-users.js'), '--users', '12', '--processes', '1,3']
    const folder = mkdtempSync(join(tmpdir(), 'drover-users-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    // A server that does not run as root has to get to it.
    chmodSync(folder, 0o755)
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env: { ...env, TMPDIR: folder } })
    expect(stderr).toBe('')
    const rows = stdout.trimEnd().split('\n').slice(3)
    expect(rows.map((row) => Number(row.trim().split(/ +/)[0]))).toEqual([1, 3])
    expect(processesWith(folder)).toEqual([])
    expect(readdirSync(folder)).toEqual([])
  },
  120_000,
)

it('create-users without PostgreSQL says how to install it', async () => {
  const args = [
    '--input-type=module',
    '-e',
    `
    process.env.PATH = '/nonexistent'
    const fs = await import('node:fs')
    const { syncBuiltinESMExports } = await import('node:module')
    const there = fs.default.existsSync
    fs.default.existsSync = (path) => !String(path).startsWith('/usr/lib/postgresql') && there(path)
    syncBuiltinESMExports()
    await import(${JSON.stringify(example('create-users/create-users.js'))})`,
  ]
  const failed = promisify(execFile)(process.execPath, args, { env })
  await expect(failed).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('apt-get install -y postgresql'),
  })
})

it.each([[], ['--fresh']])('many-rounds runs rounds whose workers leak (%s)', async (...more) => {
  const args = [example('many-rounds/many-rounds.js'), '--rounds', '40', '--every', '20', ...more]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args)
  expect(stderr).toBe('')
  expect(stdout).toContain('\n40 rounds, 120 items, 0 failures, ')
  expect(stdout.split('\n')).toHaveLength(6)
})
