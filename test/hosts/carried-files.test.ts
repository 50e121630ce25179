import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import type { DispatchSourceOptions } from '../../src/index.js'
import type { Result } from '../../src/task/result.js'
import type { Task } from '../../src/task/task.js'
import { drover } from '../helpers/drover.js'
import { TestHosts } from './sshd.js'

let hosts: TestHosts
let here: string
/** The folder on the host. */
let there: string
beforeAll(async () => {
  hosts = await TestHosts.start([{ name: 'one' }])
  process.env.PATH = `${hosts.bin}:${process.env.PATH}`
  here = join(hosts.folder, 'here')
  there = join(hosts.folder, "there it's $(far)")
  mkdirSync(here)
})
afterAll(() => hosts?.end())

const run = (...args: string[]) => drover(['run', '--hosts', 'one', '--workdir', there, ...args], { cwd: here })

async function resultOf(task: Task, options: DispatchSourceOptions = {}): Promise<Result> {
  for await (const result of dispatch([task], { hosts: { names: 'one', workdir: there }, ...options })) return result
  throw new Error('there is none')
}

/** A file of this machine, by its absolute name. */
function written(name: string, content: string | Buffer): string {
  const path = join(here, name)
  writeFileSync(path, content)
  return path
}

it('go there before their task, come back after it, and leave nothing with --cleanup', async () => {
  const names = ['a.txt', "it's b $(touch executed).txt", '-c.txt', 'd "e".txt']
  for (const name of names) written(name, `content of ${name}`)
  mkdirSync(there)
  const end = await run(
    ...['--transfer', '{}', '--return', 'out/{.}.up', '--cleanup'],
    ...['sh', '-c', 'mkdir -p out && tr a-z A-Z < "./$1" > "./$2"', 'sh', '{}', 'out/{.}.up', ':::', ...names],
  )
  expect(end.stderr).toBe('')
  expect(end.status).toBe(0)
  for (const name of names) {
    const path = join(here, 'out', name.replace(/\.txt$/, '.up'))
    expect(readFileSync(path, 'utf8')).toBe(`content of ${name}`.toUpperCase())
  }
  expect(readdirSync(there)).toEqual(['out'])
  expect(readdirSync(join(there, 'out'))).toEqual([])
  expect(readdirSync(join(here, 'out'))).toHaveLength(names.length)
  expect(existsSync(join(here, 'executed')) || existsSync(join(there, 'executed'))).toBe(false)
})

it('are the bytes that they were, with their permissions, in folders that are made for them', async () => {
  const bytes = Buffer.alloc(3_000_001)
  for (let n = 0; n < bytes.length; n++) bytes[n] = (n * 31 + (n >> 9)) & 0xff
  mkdirSync(join(here, 'deep'), { recursive: true })
  chmodSync(written('deep/tool', '#!/bin/sh\ncp "$1" "$2"\n'), 0o750)
  written('deep/data', bytes)
  const cwd = process.cwd()
  process.chdir(here)
  try {
    const task = {
      command: 'deep/tool',
      args: ['deep/data', 'copy'],
      transfer: ['deep/tool', 'deep/data'],
      return: ['copy'],
    }
    expect(await resultOf(task)).toMatchObject({ state: 'succeeded', error: null, host: 'one' })
  } finally {
    process.chdir(cwd)
  }
  expect(readFileSync(join(here, 'copy')).equals(bytes)).toBe(true)
  expect(statSync(join(there, 'deep/tool')).mode & 0o777).toBe(0o750)
})

it('that are missing are told: here nothing is started, there the task has failed', async () => {
  const mark = join(hosts.folder, 'started')
  const missing = await resultOf({ command: `touch '${mark}'`, transfer: ['/nonexistent/file'] })
  expect(missing).toMatchObject({ state: 'spawn-failed', error: { code: 'ENOENT' } })
  expect(missing.error?.message).toContain('/nonexistent/file cannot be carried')
  expect(existsSync(mark)).toBe(false)
  const folder = await resultOf({ command: 'true', transfer: [here] })
  expect(folder).toMatchObject({
    state: 'spawn-failed',
    error: { message: expect.stringContaining('no regular file') },
  })
  const none = await resultOf({ command: 'true', return: [`${here}/never-made`] })
  expect(none).toMatchObject({ state: 'failed', exitCode: 0, error: { code: 'ERR_DROVER_TRANSFER' } })
  expect(readdirSync(here).filter((name) => name.includes('never-made'))).toEqual([])
})

it('of a task that failed come back as well, and those of one that was ended do not keep it', async () => {
  const failed = await resultOf({ command: `echo half > '${here}/report'; exit 3`, return: [`${here}/report`] })
  expect(failed).toMatchObject({ state: 'failed', exitCode: 3, error: null })
  const ended = await resultOf({ command: 'sleep 60', return: ['report'], timeoutMs: 200 }, { killGraceMs: 100 })
  expect(ended).toMatchObject({ state: 'timed-out' })
})

it('are for other machines, and need a command', async () => {
  expect(await drover(['run', '--transfer', 'x', 'echo', ':::', '1'])).toMatchObject({ status: 255 })
  const end = await drover(['run', '--hosts', 'one', '--transfer', '{}'], { input: 'true\n' })
  expect(end.status).toBe(255)
  expect(end.stderr).toContain('--transfer')
})
