import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drover, resultsOf } from '../helpers/drover.js'
import { processesWith } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { TestHosts } from './sshd.js'

let hosts: TestHosts
beforeAll(async () => {
  hosts = await TestHosts.start([{ name: 'one' }, { name: 'two' }])
})
afterAll(() => hosts?.end())

const onHosts = (args: string[], options: Parameters<typeof drover>[1] = {}) =>
  drover(['run', ...args], { ...options, env: { PATH: `${hosts.bin}:${process.env.PATH}`, ...options.env } })

describe('drover run --hosts', () => {
  it('runs tasks on all hosts, as many at once as each has slots, and says where', async () => {
    const end = await onHosts([
      '--hosts',
      'one:3,two:2',
      '--json',
      'sh',
      '-c',
      'echo $XDG_CACHE_HOME {}',
      ':::',
      ...'abcdefghijklmnop',
    ])
    expect(end.stderr).toBe('')
    expect(end.status).toBe(0)
    const results = resultsOf(end)
    expect(results).toHaveLength(16)
    for (const { host, stdout, pid } of results) {
      expect(stdout).toContain(hosts.host(host).cache)
      expect(pid).toBeGreaterThan(0)
    }
    expect(new Set(results.map(({ host }) => host))).toEqual(new Set(['one', 'two']))
  })
})
void join, readdirSync, processesWith, until
