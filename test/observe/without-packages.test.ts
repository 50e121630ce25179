import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
let folder: string

/** drover as it is installed, with nothing beside it but what it depends on. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-alone-'))
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, 'drover'), { recursive: true })
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  for (const part of ['dist', 'prebuilds', 'package.json'])
    cpSync(join(ROOT, part), join(modules, 'drover', part), { recursive: true })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function runModule(source: string): Promise<string> {
  const file = join(folder, 'program.mjs')
  writeFileSync(file, source)
  return (await promisify(execFile)(process.execPath, [file], { cwd: folder, timeout: 20_000 })).stdout
}

const RUNS = `
  const { byState } = await dispatch(['true', 'true']).summary()
  await run('true')
  console.log(byState.succeeded)`

it('all runs where the API of OpenTelemetry is not installed', async () => {
  expect(await runModule(`import { dispatch, run } from 'drover'\n${RUNS}`)).toBe('2\n')
})

it('all runs where the program has a copy that drover cannot see', async () => {
  const registered = `globalThis[Symbol.for('opentelemetry.js.api.1')] = { version: '1.9.0', trace: {}, metrics: {} }`
  expect(await runModule(`import { dispatch, run } from 'drover'\n${registered}\n${RUNS}`)).toBe('2\n')
})

it('drover/opentelemetry says what is missing', async () => {
  const source = `await import('drover/opentelemetry').catch(({ code, message }) => console.log(code, message.includes('@opentelemetry/api')))`
  expect(await runModule(source)).toBe('ERR_MODULE_NOT_FOUND true\n')
})
