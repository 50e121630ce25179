import { afterEach, describe, expect, it } from 'vitest'
import { Process, run } from '../../src/index.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'

const words: string[] = []
const freshSleep = () => {
  const seconds = uniqueSleep()
  words.push(seconds)
  return seconds
}
afterEach(() => {
  for (const word of words.splice(0)) for (const pid of processesWith(word)) process.kill(pid, 'SIGKILL')
})
/** A shorter grace than the default, for which each test would wait. */
const BRIEF = { pipeGraceMs: 60 }
const gone = (word: string) => until('nothing is left', () => processesWith(word).length === 0)

describe('what a task leaves behind', () => {
  it('is ended, and does not make us wait, when it holds the output', async () => {
    const seconds = freshSleep()
    const result = await run(`echo a; sleep ${seconds} &`, BRIEF)
    expect(result).toMatchObject({ state: 'succeeded', stdout: 'a\n', pipeHeld: true, leftovers: 1 })
    await gone(seconds)
  })

  it('is ended also when it does not hold the output', async () => {
    const seconds = freshSleep()
    const result = await run(`sleep ${seconds} >/dev/null 2>&1 & sleep ${seconds} >/dev/null 2>&1 & echo a`, BRIEF)
    expect(result).toMatchObject({ state: 'succeeded', stdout: 'a\n', pipeHeld: false, leftovers: 2 })
    await gone(seconds)
  })

  it('is ended in sessions of its own as well, when it holds the output', async () => {
    const seconds = freshSleep()
    const result = await run(`setsid sleep ${seconds} & setsid sleep ${seconds} & sleep 0.1`, BRIEF)
    expect(result).toMatchObject({ state: 'succeeded', pipeHeld: true, leftovers: 2 })
    await gone(seconds)
  })

  it('is ended with KILL when it ignores TERM', async () => {
    const seconds = freshSleep()
    const child = new Process(`(trap '' TERM; sleep ${seconds}; sleep ${seconds}) & sleep 0.1`, {
      ...BRIEF,
      killGraceMs: 100,
    })
    const result = await child.start().result
    expect(result).toMatchObject({ state: 'succeeded', pipeHeld: true, leftovers: 2 })
    await child.gone
    expect(processesWith(seconds)).toEqual([])
  })

  it('may finish by itself within the grace, and its output counts', async () => {
    const result = await run('(sleep 0.1; echo late) & echo early', { pipeGraceMs: 2_000 })
    expect(result).toMatchObject({ stdout: 'early\nlate\n', pipeHeld: false, leftovers: 0 })
  })

  it('does not make us wait by printing endlessly', async () => {
    const word = `endless-${freshSleep()}`
    const line = `sh -c 'while :; do echo x; sleep 0.01; done' ${word} & echo a`
    const before = performance.now()
    const result = await run(line, { pipeGraceMs: 50 })
    expect(performance.now() - before).toBeLessThan(5_000)
    expect(result).toMatchObject({ state: 'succeeded', pipeHeld: true })
    expect(result.leftovers).toBeGreaterThanOrEqual(1)
    expect(result.stdout).toMatch(/^(a|x)\n/)
    await gone(word)
  })

  it('does not make us wait by printing as fast as it can', async () => {
    const before = performance.now()
    const result = await run('yes & echo a', { pipeGraceMs: 20, maxOutputBytes: 1_000 })
    expect(performance.now() - before).toBeLessThan(10_000)
    expect(result).toMatchObject({ state: 'succeeded', pipeHeld: true, truncated: true, leftovers: 1 })
  })

  it('does not change what became of the task', async () => {
    const seconds = freshSleep()
    const result = await run(`sleep ${seconds} & exit 3`, { ...BRIEF, reject: false })
    expect(result).toMatchObject({ state: 'failed', exitCode: 3, pipeHeld: true, leftovers: 1 })
    await gone(seconds)
  })

  it('does not hit a timeout that comes after the end of the task', async () => {
    const seconds = freshSleep()
    const result = await run(`sleep ${seconds} &`, { timeoutMs: 100, pipeGraceMs: 200 })
    expect(result).toMatchObject({ state: 'succeeded', pipeHeld: true })
    await gone(seconds)
  })

  it('is ended at once when the process is killed after its end', async () => {
    const seconds = freshSleep()
    const child = new Process(`(trap '' TERM; sleep ${seconds}; sleep ${seconds}) & sleep 0.1`, {
      ...BRIEF,
      killGraceMs: 60_000,
    })
    await child.start().result
    expect(processesWith(seconds).length).toBeGreaterThan(0)
    await child.kill({ graceMs: 0 })
    expect(processesWith(seconds)).toEqual([])
  })
})

describe('leftovers: keep', () => {
  it('leaves them alone, whether or not they hold the output', async () => {
    const seconds = freshSleep()
    const result = await run(`sleep ${seconds} & sleep ${seconds} >/dev/null 2>&1 & echo a`, {
      ...BRIEF,
      leftovers: 'keep',
    })
    expect(result).toMatchObject({ state: 'succeeded', stdout: 'a\n', pipeHeld: true, leftovers: 2 })
    expect(processesWith(seconds).length).toBe(2)
  })

  it('drains what they print, so that they never wait and never die of it', async () => {
    const word = `keeper-${freshSleep()}`
    const program = `head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; exec sleep ${word.slice(7)}`
    await run(`(sleep 0.5; ${program}) & echo a`, { leftovers: 'keep', pipeGraceMs: 20 })
    await until('it has printed all and sleeps', () => processesWith(`sleep ${word.slice(7)}`).length === 1)
    await until('it is past its output', () => processesWith('head -c 1000000').length === 0)
    expect(processesWith(word.slice(7)).length).toBe(1)
  })

  it('does not keep what a timeout or kill() ends', async () => {
    const seconds = freshSleep()
    const options = { leftovers: 'keep', timeoutMs: 100, reject: false } as const
    expect(await run(`sleep ${seconds} & sleep ${seconds}`, options)).toMatchObject({ state: 'timed-out' })
    await gone(seconds)
  })
})

describe('leftovers: wait', () => {
  it('waits for them, holding the output or not', async () => {
    const result = await run('(sleep 0.3; echo late) & (sleep 0.35 >/dev/null 2>&1; :) & echo early', {
      leftovers: 'wait',
      pipeGraceMs: 20,
    })
    expect(result).toMatchObject({ state: 'succeeded', stdout: 'early\nlate\n', leftovers: 0 })
  })

  it('waits for those that do not hold the output', async () => {
    const seconds = `0.3${uniqueSleep().replace('.', '')}`
    await run(`sleep ${seconds} >/dev/null 2>&1 & echo a`, { leftovers: 'wait', pipeGraceMs: 20 })
    expect(processesWith(`sleep ${seconds}`)).toEqual([])
  })

  it('holds a timeout against them', async () => {
    const seconds = freshSleep()
    const result = await run(`sleep ${seconds} & echo a`, { leftovers: 'wait', timeoutMs: 300, reject: false })
    expect(result).toMatchObject({ state: 'timed-out', stdout: 'a\n' })
    await gone(seconds)
  })

  it('ends them when it is told to', async () => {
    const seconds = freshSleep()
    const child = new Process(`sleep ${seconds} & echo ready`, { leftovers: 'wait' }).start()
    for await (const line of child.stdout) if (line === 'ready') break
    await until('only the leftover runs', () => processesWith(seconds).length === 1)
    await child.kill()
    expect(await child.result).toMatchObject({ state: 'cancelled', stdout: 'ready\n' })
    expect(processesWith(seconds)).toEqual([])
  })
})
