import { describe, expect, it } from 'vitest'
import { OptionError, Process, type ProcessOptions, run } from '../../src/index.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'

/** Starts a line in which SLEEP stands for a sleep of its own, and waits until it has printed `ready`. */
const startReady = async (line: string, options: ProcessOptions = {}) => {
  const seconds = uniqueSleep()
  const child = new Process(line.replaceAll('SLEEP', `sleep ${seconds}`), options).start()
  for await (const printed of child.stdout) if (printed === 'ready') break
  return { child, left: () => processesWith(seconds) }
}

describe('kill', () => {
  it('ends the whole tree and resolves when nothing of it is left', async () => {
    const { child, left } = await startReady('SLEEP & (SLEEP & SLEEP) & echo ready; SLEEP')
    await until('all four run', () => left().length >= 4)
    await child.kill()
    expect(left()).toEqual([])
    expect(await child.result).toMatchObject({
      state: 'cancelled',
      signal: 'SIGTERM',
      exitCode: null,
      error: { code: 'ERR_DROVER_KILLED' },
    })
  })

  it('lets a child end by itself within the grace', async () => {
    const { child } = await startReady('trap "echo bye; exit 3" TERM; echo ready; while :; do sleep 0.01; done')
    await child.kill()
    expect(await child.result).toMatchObject({ state: 'cancelled', exitCode: 3, signal: null, stdout: 'ready\nbye\n' })
  })

  it('sends KILL after the grace to a tree that ignores TERM', async () => {
    const { child, left } = await startReady('trap "" TERM; (trap "" TERM; SLEEP & SLEEP) & echo ready; SLEEP; SLEEP', {
      killGraceMs: 200,
    })
    const before = performance.now()
    await child.kill()
    expect(performance.now() - before).toBeGreaterThanOrEqual(190)
    expect(left()).toEqual([])
    expect(await child.result).toMatchObject({ state: 'cancelled', signal: 'SIGKILL' })
  })

  it('sends KILL at once with graceMs 0', async () => {
    const { child, left } = await startReady('trap "echo bye" TERM; (trap "" TERM; SLEEP) & echo ready; SLEEP; SLEEP', {
      killGraceMs: 60_000,
    })
    await child.kill({ graceMs: 0 })
    expect(left()).toEqual([])
    expect(await child.result).toMatchObject({ state: 'cancelled', signal: 'SIGKILL', stdout: 'ready\n' })
  })

  it('takes another grace than that of the options', async () => {
    const { child, left } = await startReady('trap "" TERM; echo ready; SLEEP; SLEEP', { killGraceMs: 60_000 })
    await child.kill({ graceMs: 100 })
    expect(left()).toEqual([])
    expect(await child.result).toMatchObject({ signal: 'SIGKILL' })
  })

  it('hurries when it is called again without a grace', async () => {
    const { child, left } = await startReady('trap "" TERM; echo ready; SLEEP; SLEEP', { killGraceMs: 60_000 })
    const first = child.kill()
    await until('TERM was sent', async () => (await child.signal('SIGCONT')) > 0)
    await Promise.all([first, child.kill({ graceMs: 0 }), child.kill()])
    expect(left()).toEqual([])
    expect(await child.result).toMatchObject({ signal: 'SIGKILL' })
  })

  it('takes a shorter grace from a second call', async () => {
    const { child, left } = await startReady('trap "" TERM; echo ready; SLEEP; SLEEP', { killGraceMs: 60_000 })
    await Promise.all([child.kill(), child.kill({ graceMs: 100 })])
    expect(left()).toEqual([])
  })

  it('refuses a grace that is no time', async () => {
    const { child } = await startReady('echo ready; SLEEP')
    await expect(child.kill({ graceMs: -1 })).rejects.toThrow(OptionError)
    await child.kill()
  })

  it('reaches a descendant in a session of its own while its parent lives', async () => {
    const { child, left } = await startReady('setsid sh -c "SLEEP; true" & echo ready; SLEEP; true')
    await until('all run', () => left().length >= 4)
    await child.kill()
    expect(left()).toEqual([])
  })

  it('reaches a descendant in a session of its own that ignores TERM', async () => {
    const { child, left } = await startReady(
      'setsid sh -c "trap \'\' TERM; SLEEP; SLEEP" >/dev/null & echo ready; SLEEP; true',
      { killGraceMs: 200 },
    )
    await until('all run', () => left().length >= 4)
    await child.kill()
    expect(left()).toEqual([])
  })

  it('ends what is stopped', async () => {
    const { child, left } = await startReady('SLEEP & echo ready; kill -STOP $$; SLEEP')
    await until('the sleep runs', () => left().length >= 1)
    await child.kill()
    expect(left()).toEqual([])
    expect(await child.result).toMatchObject({ state: 'cancelled', signal: 'SIGTERM' })
  })

  it('right after the start loses nobody', async () => {
    const seconds = uniqueSleep()
    for (let n = 0; n < 10; n++) {
      const child = new Process(`sleep ${seconds} & sleep ${seconds}`).start()
      await child.kill()
      expect((await child.result).state).toBe('cancelled')
    }
    expect(processesWith(seconds)).toEqual([])
  })

  it('after the end changes nothing', async () => {
    const child = new Process('echo a').start()
    await child.result
    await child.kill()
    await child.kill({ graceMs: 0 })
    expect(await child.result).toMatchObject({ state: 'succeeded', exitCode: 0 })
  })

  it('before the start prevents it', async () => {
    const child = new Process('echo a')
    await child.kill()
    expect(await child.result).toMatchObject({ state: 'cancelled', attempt: 0, error: { code: 'ERR_DROVER_KILLED' } })
    expect(() => child.start()).toThrow(expect.objectContaining({ code: 'ERR_DROVER_STARTED' }))
    for await (const line of child.stdout) throw new Error(line)
  })

  it('of one that cannot be started resolves', async () => {
    const child = new Process('drover-no-such-program', []).start()
    await child.kill()
    expect(child.finished).toBe(true)
  })

  it('does not hit what another process has started', async () => {
    const other = uniqueSleep()
    const survivor = new Process(`sleep ${other}`).start()
    await until('the other runs', () => processesWith(other).length > 0)
    const { child } = await startReady('echo ready; SLEEP')
    await child.kill()
    expect(processesWith(other).length).toBeGreaterThan(0)
    await survivor.kill()
  })

  it('leaves nothing running when a timeout hits the same trees', async () => {
    const lines = [
      'SLEEP & SLEEP',
      'trap "" TERM; SLEEP; SLEEP',
      'setsid SLEEP & SLEEP',
      'kill -STOP $$; SLEEP',
      'trap "" TERM; (trap "" TERM; SLEEP; SLEEP) & SLEEP; SLEEP',
    ]
    const seconds = uniqueSleep()
    const options = { timeoutMs: 150, killGraceMs: 150, reject: false }
    const results = await Promise.all(lines.map((line) => run(line.replaceAll('SLEEP', `sleep ${seconds}`), options)))
    expect(results.map(({ state }) => state)).toEqual(lines.map(() => 'timed-out'))
    await until('nothing is left', () => processesWith(seconds).length === 0)
  })
})
