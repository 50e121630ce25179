import { describe, expect, it } from 'vitest'
import { Process, type ProcessOptions } from '../../src/index.js'
import { type FakeChild, FakeLauncher } from '../helpers/fake-launcher.js'
import { childOf, settle } from '../helpers/fake-tasks.js'
import { elapse, inFakeTime } from '../helpers/fake-time.js'

/** A started process whose child the test is in charge of. */
const start = (options: ProcessOptions = {}): { process: Process; child: FakeChild } => {
  const launcher = new FakeLauncher()
  const process = new Process('a', [], { launcher, ...options }).start()
  return { process, child: childOf(launcher, 'a') }
}

describe('one start of a command, from what a launcher tells', () => {
  it('takes output that comes after the exit', () =>
    inFakeTime(async () => {
      const { process, child } = start()
      child.spawn()
      child.print('stdout', 'before ')
      child.exit({ held: true })
      await elapse(100)
      child.print('stdout', 'after')
      child.print('stderr', 'late')
      child.endOutput('stdout')
      await elapse(100)
      expect(process.finished).toBe(false)
      child.endOutput('stderr')
      expect(await process.result).toMatchObject({
        state: 'succeeded',
        stdout: 'before after',
        stderr: 'late',
        pipeHeld: false,
        leftovers: 0,
        cpuUserMs: 1,
        cpuSystemMs: 2,
        maxRssBytes: 3,
      })
    }))

  it('waits for held output as long as it comes, and for the grace without any', () =>
    inFakeTime(async () => {
      const { process, child } = start({ pipeGraceMs: 200 })
      child.spawn()
      child.exit({ held: true })
      for (let n = 0; n < 5; n++) {
        await elapse(150)
        child.print('stdout', 'x')
      }
      expect(process.finished).toBe(false)
      const before = performance.now()
      expect(await process.result).toMatchObject({ stdout: 'xxxxx', pipeHeld: true })
      const waited = performance.now() - before
      expect(waited).toBeGreaterThanOrEqual(195)
      expect(waited).toBeLessThan(500)
    }))

  it('waits for held output no longer than ten times the grace', () =>
    inFakeTime(async () => {
      const { process, child } = start({ pipeGraceMs: 200 })
      child.spawn()
      child.exit({ held: true })
      const before = performance.now()
      while (!process.finished) {
        await elapse(50)
        child.print('stdout', 'x')
      }
      const waited = performance.now() - before
      expect(waited).toBeGreaterThanOrEqual(1_900)
      expect(waited).toBeLessThan(2_600)
      expect(await process.result).toMatchObject({ state: 'succeeded', pipeHeld: true })
    }))

  it('looks at the pipes once more when the event loop was blocked for longer than the grace', async () => {
    const { process, child } = start({ pipeGraceMs: 50 })
    child.spawn()
    child.exit({ held: true })
    await settle()
    // As data that was there all along, and that comes after the timers, in two parts.
    setImmediate(() => {
      child.print('stdout', 'late ')
      setImmediate(() => {
        child.print('stdout', 'later')
        child.endOutput('stdout')
        child.endOutput('stderr')
      })
    })
    const end = performance.now() + 700
    while (performance.now() < end);
    expect(await process.result).toMatchObject({ stdout: 'late later', pipeHeld: false })
  })

  it('looks once more whether it has exited when the event loop was blocked for longer than its time', async () => {
    const { process, child } = start({ timeoutMs: 50 })
    child.spawn()
    await settle()
    setImmediate(() => child.exit())
    const end = performance.now() + 200
    while (performance.now() < end);
    expect(await process.result).toMatchObject({ state: 'succeeded' })
  })

  it('does not wait at all without a grace', () =>
    inFakeTime(async () => {
      const { process, child } = start({ pipeGraceMs: 0 })
      child.spawn()
      child.exit({ held: true })
      const before = performance.now()
      expect(await process.result).toMatchObject({ pipeHeld: true })
      expect(performance.now() - before).toBeLessThan(50)
    }))

  it('tells how long the task took, not how long its output was held', () =>
    inFakeTime(async () => {
      const { process, child } = start()
      child.spawn()
      await elapse(300)
      child.exit({ held: true })
      expect(Math.abs((await process.result).durationMs - 300)).toBeLessThan(10)
    }))

  it('closes held output, or releases it where leftovers are kept', () =>
    inFakeTime(async () => {
      const kept = start({ leftovers: 'keep' })
      kept.child.leftovers = 2
      kept.child.spawn()
      kept.child.exit({ held: true })
      expect(await kept.process.result).toMatchObject({ pipeHeld: true, leftovers: 2 })
      expect([kept.child.released, kept.child.signals]).toEqual([{ stdout: true, stderr: true }, []])
      const ended = start()
      ended.child.leftovers = 2
      ended.child.spawn()
      ended.child.exit({ held: true })
      expect(await ended.process.result).toMatchObject({ pipeHeld: true, leftovers: 2 })
      expect(ended.child.released).toEqual({ stdout: false, stderr: false })
      await ended.process.gone
      expect(ended.child.signals).toContain('SIGTERM')
      expect(ended.child.alive).toBe(0)
    }))

  it('is lost with its launcher, and keeps what was printed', async () => {
    const { process, child } = start()
    child.spawn()
    child.print('stdout', 'printed')
    child.lose()
    expect(await process.result).toMatchObject({
      state: 'lost',
      stdout: 'printed',
      exitCode: null,
      error: { code: 'ERR_DROVER_LOST' },
    })
  })

  it('is what it was first: ended by us before it was lost, or before it could not be started', () =>
    inFakeTime(async () => {
      const lost = start()
      lost.child.spawn()
      const killed = lost.process.kill()
      lost.child.lose()
      expect(await lost.process.result).toMatchObject({ state: 'cancelled', error: { code: 'ERR_DROVER_KILLED' } })
      await killed
      const unstarted = start()
      void unstarted.process.kill()
      unstarted.child.failToStart('ENOENT')
      expect(await unstarted.process.result).toMatchObject({ state: 'cancelled' })
      const ended = start()
      ended.child.spawn()
      ended.child.exit({ exitCode: 3, held: true })
      void ended.process.kill()
      expect(await ended.process.result).toMatchObject({ state: 'failed', exitCode: 3, error: null })
    }))

  it('can be killed before the launcher has told of its start', () =>
    inFakeTime(async () => {
      const { process, child } = start()
      await process.kill()
      expect(await process.result).toMatchObject({ state: 'cancelled' })
      expect(child.alive).toBe(0)
    }))

  it('cannot start where a launcher throws, and still has a result', async () => {
    const launcher = new FakeLauncher()
    launcher.start = () => {
      throw Object.assign(new Error('closed'), { code: 'ERR_DROVER_CLOSED' })
    }
    const process = new Process('a', [], { launcher }).start()
    expect(await process.result).toMatchObject({
      state: 'spawn-failed',
      error: { code: 'ERR_DROVER_CLOSED', message: 'closed' },
    })
    await process.kill()
  })

  it('has no timeout any more once it has exited, though its output is held', () =>
    inFakeTime(async () => {
      const { process, child } = start({ timeoutMs: 100, pipeGraceMs: 200 })
      child.spawn()
      await elapse(90)
      child.exit({ held: true })
      expect(await process.result).toMatchObject({ state: 'succeeded', pipeHeld: true })
    }))

  it('has its time limit to the millisecond', () =>
    inFakeTime(async () => {
      for (const [takesMs, state] of [
        [99, 'succeeded'],
        [101, 'timed-out'],
      ] as const) {
        const { process, child } = start({ timeoutMs: 100 })
        child.spawn()
        await elapse(takesMs)
        child.exit()
        expect(await process.result).toMatchObject({ state })
      }
    }))

  it('pauses each stream by itself while its reader is behind', async () => {
    const { process, child } = start()
    const lines = process.stdout[Symbol.asyncIterator]()
    child.spawn()
    child.print('stderr', 'x'.repeat(1_000_000))
    child.print('stdout', `${'x'.repeat(1_000_000)}\nlast`)
    expect(child.paused).toEqual({ stdout: true, stderr: false })
    expect((await lines.next()).value).toHaveLength(1_000_000)
    await settle()
    expect(child.paused.stdout).toBe(false)
    child.exit()
    expect((await lines.next()).value).toBe('last')
    await process.result
  })
})
