import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import type { Result } from '../../src/task/result.js'
import type { Task } from '../../src/task/task.js'
import { Drover } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { runProgram } from '../helpers/program.js'
import { until } from '../helpers/until.js'
import { TestHosts } from './sshd.js'

let hosts: TestHosts
beforeAll(async () => {
  hosts = await TestHosts.start([{ name: 'near' }, { name: 'far', namespace: true }, { name: 'away', namespace: true }])
  process.env.PATH = `${hosts.bin}:${process.env.PATH}`
  // The launchers are stored now, which takes a while on a busy machine.
  await Promise.all(['near', 'far', 'away'].map((host) => dispatch(['true'], { hosts: host }).summary()))
}, 60_000)
afterAll(() => hosts?.end())

/** Processes of this name that run below a launcher of the host. */
function ofHost(host: string, name: string): number[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .map(Number)
    .filter((pid) => {
      try {
        const isNamed = readFileSync(`/proc/${pid}/comm`, 'latin1').trim() === name
        return isNamed && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(hosts.host(host).cache)
      } catch {
        return false
      }
    })
}

const HALVES = ['drover-relay', 'drover-guardian', 'drover-launcher']
const launchersOf = (host: string) => HALVES.flatMap((name) => ofHost(host, name))

describe('two thousand tasks over two hosts', () => {
  it('one of which is cut off and one killed: each has one final result, and nothing is left', {
    timeout: 90_000,
  }, async () => {
    const sleep = uniqueSleep()
    const count = 2_000
    const tasks = Array.from({ length: count }, (_, n): Task => {
      // Some leave something behind that is hard to find.
      const leaves = n % 40 === 0 ? `setsid env -i sleep ${sleep} > /dev/null 2>&1 & ` : ''
      return { id: String(n), command: `${leaves}sleep 0.1; echo ${n}` }
    })
    const warnings: string[] = []
    const run = dispatch(tasks, {
      hosts: { names: 'far:12,away:12', silenceMs: 2_000 },
      retries: 20,
      backoffMs: 20,
      onWarning: (message) => void warnings.push(message),
    })
    const seen = new Map<string, Result>()
    let fromFar = 0
    let cutAt = 0
    let killedAt = 0
    for await (const result of run) {
      expect(seen.has(result.id!)).toBe(false)
      seen.set(result.id!, result)
      if (result.host === 'far') fromFar += 1
      if (fromFar === 200 && cutAt === 0) {
        cutAt = seen.size
        hosts.host('far').cutOff()
      }
      if (seen.size === 1_300) {
        killedAt = seen.size
        hosts.host('far').reconnect()
        hosts.host('away').kill()
        await hosts.host('away').start()
      }
    }
    expect(cutAt).toBeGreaterThan(0)
    expect(killedAt).toBeGreaterThan(cutAt)
    expect(seen.size).toBe(count)
    for (const [id, result] of seen) expect(result).toMatchObject({ state: 'succeeded', stdout: `${id}\n` })
    expect(new Set([...seen.values()].map(({ host }) => host))).toEqual(new Set(['far', 'away']))
    for (const host of ['far', 'away'])
      expect(warnings.filter((warning) => warning.includes(`connection to ${host} ended`))).not.toEqual([])
    // Some were running when their host was lost.
    expect([...seen.values()].filter(({ attempt }) => attempt > 1)).not.toEqual([])
    await until('nothing is left of any task', () => processesWith(sleep).length === 0)
    await until('nothing is left of drover', () => [...launchersOf('far'), ...launchersOf('away')].length === 0)
  })
})

describe('a host', () => {
  it('that stays cut off ends all by itself, and its task is lost', async () => {
    const sleep = uniqueSleep()
    const run = dispatch([`setsid sleep ${sleep} & sleep ${sleep}`], { hosts: { names: 'far:1', silenceMs: 1_000 } })
    const results: Result[] = []
    const reading = (async () => {
      for await (const result of run) results.push(result)
    })()
    await until('it runs', () => processesWith(`sleep ${sleep}`).length > 2)
    hosts.host('far').cutOff()
    try {
      await reading
      await until('nothing is left beyond the cut', () => launchersOf('far').length + processesWith(sleep).length === 0)
    } finally {
      hosts.host('far').reconnect()
    }
    expect(results).toMatchObject([{ state: 'lost', host: 'far', error: { code: 'ERR_DROVER_HOST_LOST' } }])
  })

  it.each(HALVES)('whose %s is killed: all ends there, and is tried again', async (half) => {
    const sleep = uniqueSleep()
    const first = `${hosts.folder}/first-${half}`
    const line = `if mkdir ${first}; then setsid sleep ${sleep} & sleep ${sleep}; else echo again; fi`
    const run = dispatch([line], { hosts: 'near:1', retries: 1, backoffMs: 10 })
    const results: Result[] = []
    const reading = (async () => {
      for await (const result of run) results.push(result)
    })()
    await until('it runs', () => processesWith(`sleep ${sleep}`).length >= 2)
    for (const pid of ofHost('near', half)) process.kill(pid, 'SIGKILL')
    await reading
    expect(results).toMatchObject([{ state: 'succeeded', stdout: 'again\n', attempt: 2 }])
    await until('nothing is left', () => processesWith(sleep).length === 0)
    await until('nor of drover', () => launchersOf('near').length === 0)
  })

  it('that is lost with a part of what a task had printed loses the task', async () => {
    const mark = `${hosts.folder}/printed`
    let isKilled = false
    // More than all pipes on the way hold.
    const run = dispatch([`head -c 900000 /dev/zero; touch ${mark}`], {
      hosts: 'near:1',
      onOutput: async () => {
        if (isKilled) return
        await until('it has ended', () => existsSync(mark) && processesWith(mark).length === 0)
        isKilled = true
        for (const pid of ofHost('near', 'drover-relay')) process.kill(pid, 'SIGKILL')
      },
    })
    for await (const result of run) expect(result.state).toBe('lost')
    expect(isKilled).toBe(true)
  })
})

describe('drover', () => {
  it.each(['SIGKILL', 'SIGINT'] as const)('that ends by %s leaves nothing on a host', async (signal) => {
    const sleep = uniqueSleep()
    const line = `: {}; setsid env -i sleep ${sleep} & sleep ${sleep}`
    const run = new Drover(['run', '--hosts', 'near:3,away:3', line, ':::', ...'abcdef'])
    run.process.stdin.end()
    await until('all of them run', () => processesWith(`sleep ${sleep}`).length >= 12)
    process.kill(run.process.pid!, signal)
    expect(await run.exit).toEqual([null, signal])
    await until('nothing is left', () => processesWith(sleep).length === 0)
    await until('nor of drover', () => [...launchersOf('near'), ...launchersOf('away')].length === 0)
  })

  it('that is stopped for longer than the silence goes on with its tasks', async () => {
    const program = `
      const run = drover.dispatch(['sleep 0.5; echo done'], { hosts: { names: 'near:1', silenceMs: 500 } })
      const results = run[Symbol.asyncIterator]()
      const result = results.next()
      setTimeout(async () => {
        await run.suspend()
        const { spawn } = await import('node:child_process')
        spawn('sh', ['-c', 'sleep 2; kill -CONT ' + process.pid], { stdio: 'ignore' })
        process.kill(process.pid, 'SIGSTOP')
        setTimeout(() => run.resume(), 100)
      }, 1500)
      console.log(JSON.stringify((await result).value))
      await run.summary()`
    const { stdout, stderr } = await runProgram(program.replace('sleep 0.5', 'sleep 2.5'))
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toMatchObject({ state: 'succeeded', stdout: 'done\n', attempt: 1 })
  })
})
