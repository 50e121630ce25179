import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cancel } from '../../src/fleet/cancel.js'
import { status } from '../../src/fleet/status.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { fleetOn, KINDS, linesOf } from './fleet-on.js'

describe.each(KINDS)('workers on %s', (kind) => {
  const fleet = fleetOn(kind)

  it('are known by their names, however long, to who looks', async () => {
    fleet.newQueue()
    const names = ['a', 'b'].map((letter) => letter.repeat(60))
    const workers = await Promise.all(names.map((name) => fleet.worker({ name, concurrency: 1 })))
    const running = fleet.run(['sleep 60', 'sleep 60'], { run: 'long' })
    await until('both have one', () => workers.every((worker) => worker.counts().active === 1))
    const { workers: found } = await status({ queue: fleet.queue })
    expect(found).toEqual(names.map((name) => ({ name, running: 1 })))
    await cancel({ queue: fleet.queue, run: 'long' })
    expect((await running).map(({ state }) => state)).toEqual(['cancelled', 'cancelled'])
  })

  it('gives a task nothing of its environment but what is named', async () => {
    fleet.newQueue()
    process.env.DROVER_TEST_SECRET = 'secret'
    process.env.DROVER_TEST_PASSED = 'passed'
    try {
      await fleet.worker({ passEnv: ['DROVER_TEST_PAS*'] })
      const [result] = await fleet.run([{ command: 'env', args: [], env: { OWN: 'own' } }])
      const names = linesOf(result!.stdout)
        .map((line) => line.slice(0, line.indexOf('=')))
        .filter((name) => !/^DROVER_(?!TEST)/.test(name))
      expect(names.sort()).toEqual(['DROVER_TEST_PASSED', 'HOME', 'LANG', 'LOGNAME', 'OWN', 'PATH', 'SHELL', 'USER'])
      expect(result!.stdout).not.toContain('secret')
    } finally {
      delete process.env.DROVER_TEST_SECRET
      delete process.env.DROVER_TEST_PASSED
    }
  })

  it('runs only programs that are allowed, by their whole path', async () => {
    fleet.newQueue()
    const bin = mkdtempSync(join(fleet.folder, 'bin-'))
    writeFileSync(join(bin, 'echo'), '#!/bin/sh\n/bin/echo fake\n', { mode: 0o755 })
    const one = await fleet.worker({ allow: ['echo', '/bin/cat'], passEnv: ['LANG'] })
    const results = await fleet.run([
      { command: 'echo', args: ['yes'] },
      { command: 'echo', args: ['mine'], env: { PATH: bin } },
      { command: 'cat', args: ['/etc/passwd'] },
      { command: '/bin/cat', args: ['/dev/null'], env: { LANG: 'C' } },
      { command: 'sh', args: ['-c', 'echo no'] },
      'echo no',
    ])
    expect(results.map(({ state, error }) => error?.code ?? state)).toEqual([
      'succeeded',
      'ERR_DROVER_NOT_ALLOWED',
      'ERR_DROVER_NOT_ALLOWED',
      'succeeded',
      'ERR_DROVER_NOT_ALLOWED',
      'ERR_DROVER_NOT_ALLOWED',
    ])
    expect(results[0]!.stdout).toBe('yes\n')
    expect(one.counts()).toMatchObject({ refused: { ERR_DROVER_NOT_ALLOWED: 4 }, byState: { invalid: 4 } })
  })

  it('finishes what runs when it is closed, and hands back what it has not started', async () => {
    fleet.newQueue()
    const one = await fleet.worker({ concurrency: 2, name: 'one' })
    // The second one waits for the first one's slots.
    const tasks = [
      { command: 'sleep 0.5; echo first', weight: 2 },
      { command: 'echo second', weight: 2 },
      { command: 'echo third' },
    ]
    const running = fleet.run(tasks)
    await until('it has both', () => one.counts().active === 2)
    await one.close()
    expect(one.counts()).toMatchObject({ byState: { succeeded: 1, skipped: 0, cancelled: 0 }, handedBack: 1 })
    expect(await status({ queue: fleet.queue })).toMatchObject({ tasks: { waiting: 2, running: 0, done: 1 } })
    await fleet.worker({ name: 'two' })
    expect((await running).map(({ stdout }) => stdout)).toEqual(['first\n', 'second\n', 'third\n'])
  })

  it('hands back what runs when it is destroyed, and another worker runs it', async () => {
    fleet.newQueue()
    const one = await fleet.worker()
    const seconds = uniqueSleep()
    const file = fleet.file()
    const running = fleet.run([`if test -e ${file}; then echo there; else touch ${file}; sleep ${seconds}; fi`])
    await until('it runs', () => existsSync(file))
    await one.destroy()
    expect(processesWith(seconds)).toEqual([])
    // One that was on its way to it may come, and be handed back as well.
    expect(one.counts().handedBack).toBeGreaterThanOrEqual(1)
    expect(one.counts().byState.cancelled).toBe(0)
    await fleet.worker()
    expect(await running).toMatchObject([{ state: 'succeeded', stdout: 'there\n' }])
  })

  it('takes short tasks ahead of a free slot, and gives back what turns out to have to wait', async () => {
    fleet.newQueue()
    const one = await fleet.worker({ concurrency: 1, name: 'one' })
    await fleet.run(Array.from({ length: 30 }, () => 'true'))
    // On PostgreSQL an idle worker may learn of what was given back only when it next asks, within five seconds.
    const long = fleet.kind === 'Redis' ? 3 : 8
    const running = fleet.run([`sleep ${long}; echo long`, 'echo waits'])
    await until('it has both', () => one.counts().active === 2)
    await fleet.worker({ concurrency: 1, name: 'two' })
    await until('it is given back', () => one.counts().handedBack > 0)
    expect((await running).map(({ stdout }) => stdout)).toEqual(['long\n', 'waits\n'])
    expect(one.counts().byState).toMatchObject({ succeeded: 31, skipped: 0, cancelled: 0 })
  })
})
