import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { endTree, pollUntil } from '../../src/process/end-tree.js'
import { FakeLauncher, type FakePlan } from '../helpers/fake-launcher.js'

const EVENTS = {
  onSpawn() {},
  onSpawnError() {},
  onOutput() {},
  onOutputEnd() {},
  onExit() {},
  onLost() {},
}
const SPEC = {
  file: 'x',
  args: [],
  stdin: { from: 'null' },
  stdout: { to: 'null' },
  stderr: { to: 'null' },
  scope: 'test',
} as const

const startChild = (plan: FakePlan) => {
  const child = new FakeLauncher(() => ({ durationMs: 1_000_000, ...plan })).start(SPEC, EVENTS)
  const end = (options: { graceMs: number; hurry?: AbortSignal }) => {
    const startedAt = performance.now()
    const ended = endTree(child, { hasExited: () => child.phase === 'ended', ...options })
    return ended.then((left) => ({ left, tookMs: performance.now() - startedAt }))
  }
  return { child, end }
}

describe('endTree', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('sends TERM and CONT, and no KILL to who obeys', async () => {
    const { child, end } = startChild({})
    const ended = end({ graceMs: 5_000 })
    await vi.runAllTimersAsync()
    expect((await ended).left).toBe(0)
    expect(child.signals).toEqual(['SIGTERM', 'SIGCONT'])
    expect((await ended).tookMs).toBeLessThan(500)
  })

  it('sends KILL after the grace, not before', async () => {
    const { child, end } = startChild({ ignoresTerm: true })
    const ended = end({ graceMs: 5_000 })
    await vi.advanceTimersByTimeAsync(4_990)
    expect(child.signals).not.toContain('SIGKILL')
    await vi.advanceTimersByTimeAsync(500)
    expect(child.signals).toContain('SIGKILL')
    expect((await ended).left).toBe(0)
  })

  it('sends KILL at once without a grace', async () => {
    const { child, end } = startChild({})
    const ended = end({ graceMs: 0 })
    await vi.runAllTimersAsync()
    await ended
    expect(child.signals).not.toContain('SIGTERM')
    expect(child.signals[0]).toBe('SIGKILL')
  })

  it('ends the grace when it is told to hurry', async () => {
    const { child, end } = startChild({ ignoresTerm: true })
    const hurry = new AbortController()
    const ended = end({ graceMs: 60_000, hurry: hurry.signal })
    await vi.advanceTimersByTimeAsync(100)
    hurry.abort()
    await vi.advanceTimersByTimeAsync(100)
    expect(child.signals).toContain('SIGKILL')
    expect((await ended).tookMs).toBeLessThan(500)
  })

  it('ends leftovers of a child that has exited', async () => {
    const { child, end } = startChild({ durationMs: 1 })
    child.leftovers = 3
    await vi.advanceTimersByTimeAsync(10)
    const ended = end({ graceMs: 1_000 })
    await vi.runAllTimersAsync()
    expect((await ended).left).toBe(0)
    expect(child.alive).toBe(0)
  })

  it('does nothing where nothing is left', async () => {
    const { child, end } = startChild({ durationMs: 1 })
    await vi.advanceTimersByTimeAsync(10)
    expect((await end({ graceMs: 1_000 })).left).toBe(0)
    expect(child.signals).toEqual([])
  })

  it('does not take it from a launcher that nobody is there while the child has not exited', async () => {
    const { child, end } = startChild({ ignoresTerm: true })
    const signalTree = child.signalTree.bind(child)
    child.signalTree = async (signal) => {
      const reached = await signalTree(signal)
      return signal === 'SIGTERM' ? 0 : reached
    }
    void end({ graceMs: 100 })
    await vi.advanceTimersByTimeAsync(1_000)
    expect(child.alive).toBe(0)
  })

  it('gives up after a while what cannot be killed, and says how many', async () => {
    const { child, end } = startChild({})
    child.signalTree = async () => 2
    child.countTree = async () => 2
    const ended = end({ graceMs: 100 })
    await vi.advanceTimersByTimeAsync(60_000)
    expect((await ended).left).toBe(2)
  })
})

describe('pollUntil', () => {
  it('says whether it became so before the time was over', async () => {
    let looks = 0
    expect(await pollUntil(1_000, undefined, async () => ++looks === 3)).toBe(true)
    expect(await pollUntil(5, undefined, async () => false)).toBe(false)
    expect(await pollUntil(1_000_000, AbortSignal.abort(), async () => false)).toBe(false)
    expect(await pollUntil(0, undefined, async () => true)).toBe(true)
  })
})
