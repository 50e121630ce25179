import { describe, expect, it } from 'vitest'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { runProgram } from '../helpers/program.js'
import { until } from '../helpers/until.js'

describe('a program that uses the library', () => {
  it('prints nothing but what it prints itself', async () => {
    const { stdout, stderr, exitCode } = await runProgram(`
      const { signal } = new AbortController()
      const many = Array.from({ length: 30 }, (_, n) => n)
      await Promise.all(many.map(() => drover.run('echo a; echo b >&2', { signal })))
      await Promise.all(many.map(() => drover.dispatch(['exit 1', 'nowhere'], { signal }).summary()))
      await drover.run('no-such-program', [], { reject: false })
      console.log('done')`)
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'done\n', stderr: '', exitCode: 0 })
  })

  it('hands its output to tasks, or drops theirs, when it is told to', async () => {
    const { stdout, stderr } = await runProgram(`
      const kept = []
      const onResult = ({ stdout, stderr, stdoutBytes }) => void kept.push(stdout, stderr, stdoutBytes)
      const lines = ['echo out; echo err >&2']
      await drover.dispatch(lines, { output: 'inherit', onResult }).summary()
      await drover.dispatch(lines, { output: 'null', onResult }).summary()
      console.log(JSON.stringify(kept))`)
    expect(stdout).toBe(`out\n${JSON.stringify(['', '', 0, '', '', 0])}\n`)
    expect(stderr).toBe('err\n')
  })

  it('ends when its work is done, whatever timers there were', async () => {
    const { tookMs, stdout, exitCode } = await runProgram(`
      const long = { timeoutMs: 1_000_000, killGraceMs: 1_000_000 }
      await drover.run('true', long)
      await drover.dispatch(['true', 'true'], { ...long, totalTimeoutMs: 1_000_000, delayMs: 10 }).summary()
      const dispatcher = new drover.Dispatcher({ ...long, totalTimeoutMs: 1_000_000 })
      console.log((await dispatcher.add('echo a')).stdout)
      const killed = new drover.Process('sleep 1000', long).start()
      await killed.kill()
      await killed.kill()`)
    expect({ stdout, exitCode }).toEqual({ stdout: 'a\n\n', exitCode: 0 })
    expect(tookMs).toBeLessThan(30_000)
  })

  it('ends although a process that is kept holds its output', async () => {
    const seconds = uniqueSleep()
    const { tookMs, stdout } = await runProgram(`
      const result = await drover.run('echo a; sleep ${seconds} &', { leftovers: 'keep' })
      console.log(result.pipeHeld)`)
    const kept = processesWith(seconds)
    for (const pid of kept) process.kill(pid, 'SIGKILL')
    expect({ stdout, kept: kept.length }).toEqual({ stdout: 'true\n', kept: 1 })
    expect(tookMs).toBeLessThan(30_000)
  })

  it.each([
    ['process.exit()', 'process.exit(7)', 7],
    ['an error that nobody caught', 'throw new Error("oops")', 1],
  ])('leaves nothing running when it ends by %s', async (_what, end, code) => {
    const seconds = uniqueSleep()
    const { exitCode } = await runProgram(`
      drover.dispatch(['sleep ${seconds} & sleep ${seconds}', 'setsid sleep ${seconds} & sleep ${seconds}']).summary()
      const child = new drover.Process('trap "" TERM; sleep ${seconds} & sleep ${seconds}; sleep ${seconds}').start()
      setTimeout(() => { ${end} }, 300)`)
    expect(exitCode).toBe(code)
    await until('nothing is left', () => processesWith(seconds).length === 0)
  })

  it('does not die of an added task that fails for an error of a callback', async () => {
    const { stdout, stderr, exitCode } = await runProgram(`
      const onResult = () => { throw new Error('full') }
      const dispatcher = new drover.Dispatcher({ onResult })
      dispatcher.add('true')
      await dispatcher.dispatch().catch((error) => console.log(error.message))`)
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: 'full\n', stderr: '', exitCode: 0 })
  })
})
