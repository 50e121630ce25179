import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LiveRun } from '../../src/control/protocol.js'
import { Drover, type DroverEnd, drover, resultsOf } from '../helpers/drover.js'
import { until } from '../helpers/until.js'

let folder: string
let env: NodeJS.ProcessEnv
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-steering-'))
  env = { XDG_RUNTIME_DIR: folder }
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Another terminal. */
const call = (...args: string[]): Promise<DroverEnd> => drover(args, { env })

async function seen(...options: string[]): Promise<LiveRun[]> {
  return JSON.parse((await call('ps', '--json', ...options)).stdout)
}

async function firstSeen(): Promise<LiveRun> {
  let live: LiveRun[] = []
  await until('it can be seen', async () => {
    live = await seen()
    return live.length > 0
  })
  return live[0]!
}

describe('a run of 10,000 tasks, from another terminal', () => {
  it('is seen, paused, resumed, changed and cancelled; each task has one result', async () => {
    const items = join(folder, 'items')
    writeFileSync(items, Array.from({ length: 10_000 }, (_, n) => `${n + 1}\n`).join(''))
    const command = 'test {} = 2 && { echo begun; sleep 600; }; sleep 0.01'
    const run = new Drover(['run', '-j', '4', '--json', '-a', items, command], { env, input: '' })
    const { run: id, pid } = await firstSeen()
    expect(pid).toBe(run.process.pid)

    expect(await call('pause', String(pid))).toMatchObject({ status: 0, stdout: '', stderr: '' })
    await until('only task 2 runs', async () => (await seen())[0]?.progress.running === 1)
    const [paused] = await seen('--tasks')
    expect(paused).toMatchObject({
      run: id,
      kind: 'run',
      paused: true,
      jobs: 4,
      command: ['drover', 'run', '-j', '4', '--json', '-a', items, command],
      progress: { total: 10_000, running: 1 },
      tasks: [{ index: 1, state: 'running', command: command.replace('{}', "'2'") }],
    })
    expect(paused!.progress.done).toBeLessThan(9_000)

    expect(await call('jobs', id, '3')).toMatchObject({ status: 0, stdout: '', stderr: '' })
    const tail = new Drover(['tail', id, '2'], { env, input: '' })
    await until('the output is there', () => tail.stdout === 'begun\n')
    expect(await call('cancel', id, '2')).toMatchObject({ status: 0, stdout: '', stderr: '' })
    expect(await tail.end).toMatchObject({
      status: 0,
      stdout: 'begun\n',
      stderr: 'drover: the task has ended: cancelled\n',
    })

    expect(await call('resume', id)).toMatchObject({ status: 0, stdout: '', stderr: '' })
    await until('it goes on', async () => (await seen())[0]!.progress.done > paused!.progress.done + 20)
    expect((await seen())[0]).toMatchObject({ paused: false, jobs: 3 })

    expect(await call('cancel', id)).toMatchObject({ status: 0, stdout: '', stderr: '' })
    const end = await run.end
    expect(end.signal).toBe('SIGTERM')
    expect(end.stderr).toContain('paused: what runs goes on, nothing more is started')
    expect(end.stderr).toContain('task 2 is cancelled')
    const results = resultsOf(end)
    expect(new Set(results.map(({ index }) => index)).size).toBe(10_000)
    expect(results).toHaveLength(10_000)
    expect(results.find(({ index }) => index === 1)).toMatchObject({ state: 'cancelled', stdout: 'begun\n' })
    expect(await seen()).toEqual([])
  })
})

describe('drover ps', () => {
  it('shows people a table, and the tasks below', async () => {
    const run = new Drover(['run', '-j', '2', 'sleep {}', ':::', '600', '601', '602'], { env, input: '' })
    const { run: id, pid } = await firstSeen()
    await until('two run', async () => (await seen())[0]?.progress.running === 2)
    const { stdout } = await call('ps', '--tasks')
    const [heading, line, ...tasks] = stdout.trimEnd().split('\n')
    expect(heading).toMatch(/^RUN +PID +STATE +JOBS +RUNNING +DONE +FAILED +LEFT +COMMAND$/)
    expect(line).toMatch(
      new RegExp(`^${id} +${pid} +run +2 +2 +0/3 +0 +- +drover run -j 2 "sleep {}" ::: 600 601 602$`),
    )
    expect(tasks).toEqual([
      expect.stringMatching(/^ {2}1 +\d+ +[\d.]+ s {2}sleep '600'$/),
      expect.stringMatching(/^ {2}2 +\d+ +[\d.]+ s {2}sleep '601'$/),
    ])
    run.process.kill('SIGTERM')
    await run.end
  })

  it('says when nothing goes on', async () => {
    expect(await call('ps')).toMatchObject({ status: 0, stdout: 'nothing goes on\n' })
    expect(await call('ps', '--json')).toMatchObject({ status: 0, stdout: '[]\n' })
  })

  it('does not show what cannot be printed', async () => {
    const run = new Drover(['run', 'sleep 600; : \u001b[31m {}', ':::', 'a\nb'], { env, input: '' })
    await firstSeen()
    const { stdout } = await call('ps', '-t')
    expect(stdout).not.toContain('\u001b')
    expect(stdout.trimEnd().split('\n')).toHaveLength(3)
    run.process.kill('SIGTERM')
    await run.end
  })

  it('is not confused by a run that was killed, nor by one that is stopped', async () => {
    const killed = new Drover(['run', ': {}; sleep 600', ':::', 'a'], { env, input: '' })
    await firstSeen()
    killed.process.kill('SIGKILL')
    await killed.exit
    const stopped = new Drover(['run', ': {}; sleep 600', ':::', 'b'], { env, input: '' })
    const named = () => readdirSync(join(folder, 'drover/control')).filter((name) => name.endsWith('.sock'))
    await until('both have been there', () => named().length === 2)
    stopped.process.kill('SIGSTOP')
    expect((await call('ps')).stdout).toContain('no answer')
    expect(named()).toHaveLength(1)
    stopped.process.kill('SIGCONT')
    stopped.process.kill('SIGTERM')
    await stopped.end
    expect(await seen()).toEqual([])
  })
})

describe('a pool', () => {
  it('is seen and steered as runs are', async () => {
    const worker = 'while read line; do sleep "$line"; echo "$line"; done'
    const args = ['pool', '-j', '2', worker]
    const pool = new Drover(args, { env, input: '600\n601\n602\n' })
    const { run: id } = await firstSeen()
    await until('two are at work', async () => (await seen())[0]?.progress.running === 2)
    expect((await seen())[0]).toMatchObject({ kind: 'pool', jobs: 2, progress: { running: 2 } })
    await call('jobs', id, '3')
    await until('three are at work', async () => (await seen())[0]?.progress.running === 3)
    expect((await call('tail', id, '1')).stderr).toContain('comes with its answer')
    await call('cancel', id, '3')
    await until('one is cancelled', async () => (await seen())[0]?.progress.byState.cancelled === 1)
    await call('cancel', id)
    expect((await pool.end).signal).toBe('SIGTERM')
  })
})

describe('what cannot be is told', () => {
  it('a run or a task that is not there, and a number of jobs that cannot be', async () => {
    const run = new Drover(['run', ': {}; sleep 600', ':::', 'a'], { env, input: '' })
    const { run: id, pid } = await firstSeen()
    for (const [args, why] of [
      [['cancel', 'none'], 'no run "none" goes on; drover ps shows those that do'],
      [['tail', id, '2'], 'no task 2 is running or waiting'],
      [['cancel', id, 'nightly'], 'no task nightly is running or waiting'],
      [['jobs', id, '0'], 'use drover pause'],
      [['jobs', id, 'many'], 'expected a number'],
      [['tail', id], 'missing required argument'],
    ] as const) {
      const end = await call(...args)
      expect(end).toMatchObject({ status: 255, stdout: '' })
      expect(end.stderr).toContain(why)
    }
    expect(await call('cancel', String(pid), '#1')).toMatchObject({ status: 0 })
    expect(await run.end).toMatchObject({ status: 1 })
  })

  it('output that goes elsewhere', async () => {
    const results = join(folder, 'results')
    const run = new Drover(['run', '--results', results, ': {}; sleep 600', ':::', 'a'], { env, input: '' })
    const { run: id } = await firstSeen()
    expect((await call('tail', id, '1')).stderr).toContain(`it goes straight to ${join(results, '1.stdout')}`)
    run.process.kill('SIGTERM')
    await run.end
  })

  it('follows in JSON, and ends quietly when its reader leaves', async () => {
    const go = join(folder, 'go')
    const command = `: {}; echo a; until test -e '${go}'; do sleep 0.05; done; yes`
    const run = new Drover(['run', command, ':::', '1'], { env, input: '', paused: true })
    const { run: id } = await firstSeen()
    const tail = new Drover(['tail', '--json', id, '1'], { env, input: '' })
    await until('it tells', () => tail.stdout.includes('\n'))
    expect(JSON.parse(tail.stdout.split('\n')[0]!)).toEqual({ stream: 'stdout', base64: 'YQo=' })
    writeFileSync(go, '')
    tail.process.stdout.destroy()
    expect((await tail.exit)[1]).toBe('SIGPIPE')
    run.process.kill('SIGKILL')
    await run.exit
  })
})
