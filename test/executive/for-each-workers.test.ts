import { describe, expect, it } from 'vitest'
import { isAlive } from '../helpers/processes.js'
import { runProgram } from '../helpers/program.js'
import { until } from '../helpers/until.js'
import { ACTING, type ActResult, actOn, all, answers, mostAtOnce } from './support.js'

describe('how many at once', () => {
  const waits = (count: number) => answers(count).map(({ value }) => ({ act: 'wait', ms: 30, value }))

  it('may be changed while it runs, and there are never more', async () => {
    const run = actOn(waits(60), { concurrency: 1 })
    const phases: ActResult[][] = [[], [], []]
    let read = 0
    for await (const result of run) {
      phases[Math.floor(read / 20)]!.push(result)
      read += 1
      if (read === 20) run.concurrency = 4
      if (read === 40) run.concurrency = 2
    }
    expect(run.concurrency).toBe(2)
    const pids = (part: readonly ActResult[]) => new Set(part.map(({ pid }) => pid)).size
    const [one, four, two] = phases as [ActResult[], ActResult[], ActResult[]]
    expect([pids(one), mostAtOnce(one)]).toEqual([1, 1])
    expect(pids(four)).toBeGreaterThan(1)
    expect(mostAtOnce([...one, ...four])).toBeLessThanOrEqual(4)
    // What had been pulled by then is still handled by as many as there were.
    expect(mostAtOnce(two.slice(8))).toBeLessThanOrEqual(2)
    expect(() => {
      run.concurrency = 0
    }).toThrow('concurrency: expected')
  })

  it('a function is asked for it as it goes', async () => {
    let limit = 1
    const results: ActResult[] = []
    for await (const result of actOn(waits(40), { concurrency: () => limit })) {
      results.push(result)
      if (results.length === 20) limit = 3
    }
    const pids = (part: readonly ActResult[]) => new Set(part.map(({ pid }) => pid)).size
    expect(pids(results.slice(0, 20))).toBe(1)
    expect(pids(results)).toBeGreaterThan(1)
    expect(pids(results)).toBeLessThanOrEqual(3)
    await expect(actOn(answers(3), { concurrency: () => 0.5 }).summary()).rejects.toThrow('concurrency: expected')
  })
})

describe('release and reacquire', () => {
  it('are called around the burst: before the first process, and after the last has ended', async () => {
    const events: string[] = []
    const pids: number[] = []
    const run = actOn(answers(4), {
      release: async () => {
        await new Promise((resolve) => setImmediate(resolve))
        events.push('release')
      },
      onResult: ({ pid }) => {
        pids.push(pid!)
        if (events.length === 1) events.push('handled')
      },
      reacquire: async () => {
        events.push(`reacquire, ${pids.filter(isAlive).length} alive`)
      },
    })
    expect(await run.summary()).toMatchObject({ total: 4, complete: true })
    expect(events).toEqual(['release', 'handled', 'reacquire, 0 alive'])
  })

  it('reacquire is called also when the loop is left early, or the source throws', async () => {
    let times = 0
    const hooks = { reacquire: () => (times += 1) }
    for await (const _ of actOn(answers(100), hooks)) break
    expect(times).toBe(1)
    const bad = () => {
      throw new Error('gone')
    }
    let first = true
    const source = () => {
      if (!first) bad()
      first = false
      return { act: 'answer' }
    }
    await expect(actOn(source, hooks).summary()).rejects.toThrow('gone')
    expect(times).toBe(2)
  })

  it('what they throw ends the run, with a result for each item that was pulled', async () => {
    const seen: ActResult[] = []
    const fail = async () => {
      throw new Error('cannot let go')
    }
    const read = async (options: object) => {
      for await (const result of actOn(answers(9), options)) seen.push(result)
    }
    await expect(read({ release: fail })).rejects.toThrow('cannot let go')
    expect(seen.map(({ state, attempt }) => [state, attempt])).toEqual([
      ['skipped', 0],
      ['skipped', 0],
    ])
    await expect(read({ reacquire: fail })).rejects.toThrow('cannot let go')
    expect(seen.length).toBe(2 + 9)
  })

  it('what onResult throws ends the run', async () => {
    const onResult = async () => {
      throw new Error('no disk')
    }
    await expect(actOn(answers(9), { onResult }).summary()).rejects.toThrow('no disk')
  })
})

describe('recycling', () => {
  it('a worker that leaks does not matter: by count and by memory', async () => {
    const leaks = answers(12).map(({ value }) => ({ act: 'leak', bytes: 60e6, value }))
    const counted = await all(actOn(leaks.slice(0, 6), { concurrency: 1, maxRequests: 2 }))
    expect(counted.map(({ value }) => value!.handled)).toEqual([1, 2, 1, 2, 1, 2])
    expect(new Set(counted.map(({ pid }) => pid)).size).toBe(3)
    const slow = leaks.flatMap((leak) => [leak, { act: 'wait', ms: 40 }])
    const weighed = await all(actOn(slow, { concurrency: 1, recycleMemoryBytes: 250e6, checkIntervalMs: 10 }))
    expect(weighed.every(({ state }) => state === 'succeeded')).toBe(true)
    expect(new Set(weighed.map(({ pid }) => pid)).size).toBeGreaterThan(1)
  })

  it('one that takes too much at once is ended', async () => {
    const acts = [{ act: 'leak', bytes: 400e6 }, { act: 'wait', ms: 5_000 }, { act: 'answer' }]
    const results = await all(actOn(acts, { concurrency: 1, maxMemoryBytes: 300e6, checkIntervalMs: 10 }))
    const codes = results.map(({ error }) => error?.code)
    expect(codes).toContain('ERR_DROVER_WORKER_MEMORY')
    expect(results.at(-1)!.state).toBe('succeeded')
  })
})

describe('output', () => {
  const program = (options: string, acts: string) => `
    const url = new URL(${JSON.stringify(ACTING.href)})
    const run = drover.forEach(${acts}, url, { concurrency: 2, ${options} })
    let kept = 0
    for await (const { stdoutBytes } of run) kept += stdoutBytes
    process.send?.(kept)`

  it('inherit: whole lines of the processes come to stdout and stderr, also what is printed outside of items', async () => {
    const acts = `Array.from({ length: 40 }, (_, n) => ({ act: 'print', text: \`begin \${n} end\${n % 2 ? '\\n' : ''}\` }))`
    const env = `env: { SETUP_PRINTS: 'set up', TEARDOWN_PRINTS: 'torn down' }`
    const { stdout, stderr, exitCode } = await runProgram(program(`output: 'inherit', ${env}`, acts))
    expect(exitCode).toBe(0)
    const expected = Array.from({ length: 40 }, (_, n) => `begin ${n} end`)
    const lines = stdout.trimEnd().split('\n')
    expect(lines.filter((line) => line.startsWith('begin')).sort()).toEqual([...expected].sort())
    const processes = lines.filter((line) => line === 'torn down').length
    expect([1, 2]).toContain(processes)
    expect(lines.length).toBe(40 + processes)
    const complaints = stderr.trimEnd().split('\n').sort()
    expect(complaints).toEqual([...expected, ...Array(processes).fill('set up')].sort())
  })

  it('is in the results only, unless asked for', async () => {
    expect(await runProgram(program('', `[{ act: 'print', text: 'x' }]`))).toMatchObject({ stdout: '', stderr: '' })
  })
})

it('a program may leave its loop by an error: it ends, and so do the processes', async () => {
  const source = `
    const url = new URL(${JSON.stringify(ACTING.href)})
    const acts = Array.from({ length: 9 }, (_, value) => ({ act: 'answer', value }))
    for await (const { pid } of drover.forEach(acts, url, { concurrency: 3 })) {
      console.log(pid)
      throw new Error('enough')
    }`
  const { stdout, stderr, exitCode } = await runProgram(source)
  expect([exitCode, stderr.includes('enough')]).toEqual([1, true])
  await until('it is gone', () => !isAlive(Number(stdout)))
})
