import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Drover, drover } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-jobs-'))
  file = join(folder, 'jobs')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('--jobs-file says how many, and may be changed while it runs', async () => {
  const seconds = uniqueSleep()
  writeFileSync(file, '1\n')
  const run = new Drover(['run', '--jobs-file', file, `exec sleep ${seconds}; : {}`, ':::', '1', '2', '3', '4'])
  const running = () => processesWith(`sleep ${seconds}`).length
  await until('one runs', () => running() === 1)
  writeFileSync(file, '3\n')
  await until('three run', () => running() === 3)
  writeFileSync(file, 'many\n')
  await until('it says that it does not understand', () => run.stderr.includes('the number of jobs stays as it is'))
  expect(running()).toBe(3)
  rmSync(file)
  await until('it says that there is no file', () => run.stderr.includes('cannot be read'))
  run.process.kill('SIGINT')
  expect((await run.end).signal).toBe('SIGINT')
  expect(processesWith(seconds)).toEqual([])
})

it('--jobs-file ends with the run', async () => {
  writeFileSync(file, '200%')
  expect(await drover(['run', '--jobs-file', file, 'echo', ':::', '1'])).toMatchObject({
    status: 0,
    stdout: '1\n',
    stderr: '',
  })
})

it.each([
  ['no file', (path: string) => [`${path}.none`], 'cannot be read'],
  ['nonsense', (path: string) => [path], '"some"'],
  ['two numbers', (path: string) => [path, '-j', '3'], '--jobs and --jobs-file'],
])('--jobs-file with %s starts nothing', async (_what, words, said) => {
  writeFileSync(file, 'some\n')
  const end = await drover(['run', '--jobs-file', ...words(file), 'echo', ':::', '1'])
  expect(end).toMatchObject({ status: 255, stdout: '' })
  expect(end.stderr).toContain(said)
})
