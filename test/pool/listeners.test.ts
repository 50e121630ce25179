import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { runProgram } from '../helpers/program.js'
import { Sampler } from './sampler.js'
import { hostilePool, programFile, settled } from './support.js'

const ANSWER = { act: 'answer', text: 'well' }

describe('a listener that throws', () => {
  it.each(['start', 'exit', 'output'])('at %s is an uncaught exception, and the pool goes on', async (name) => {
    const { stdout, stderr, exitCode } = await runProgram(`
      process.on('uncaughtException', ({ message }) => console.log('uncaught:', message))
      const args = [${JSON.stringify(programFile('hostile.mjs'))}, 'process-pool', 'w', '{"bye":"goodbye"}']
      const pool = new drover.ProcessPool(process.execPath, args, { protocol: 'process-pool', max: 1, maxRequests: 1 })
      let told = 0
      pool.on('${name}', () => { told += 1; if (told === 1) throw new Error('from the listener') })
      for (let n = 0; n < 2; n++) console.log((await pool.request('${JSON.stringify(ANSWER)}')).value)
      await pool.close()
      console.log(told)`)
    expect({ lines: stdout.trim().split('\n').sort(), stderr, exitCode }).toEqual({
      lines: ['2', 'uncaught: from the listener', 'well', 'well'],
      stderr: '',
      exitCode: 0,
    })
  })
})

describe('a listener for start, when several workers are started at once after a pause,', () => {
  /** The first start fails; what is asked for in the pause after it is there when the pause is over. */
  async function afterOneFailure(onStart: (hostile: ReturnType<typeof hostilePool>) => void) {
    const folder = mkdtempSync(join(tmpdir(), 'drover-listeners-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const hostile = hostilePool('lines', { max: 3, startBackoffMs: 50 }, { log: join(folder, 'log'), crashes: 1 })
    const { pool } = hostile
    const ask = () => hostile.ask(ANSWER, { retries: 1 })
    const answers = [ask()]
    await new Promise<void>((resolve) => {
      pool.once('exit', () => {
        answers.push(ask(), ask())
        resolve()
      })
    })
    expect(pool.stats()).toMatchObject({ queued: 3, starting: 0, started: 1 })
    pool.on('start', () => onStart(hostile))
    return { pool, answers, hostile }
  }

  it('may destroy the pool', async () => {
    let destroyed: Promise<void> | undefined
    const { pool, answers, hostile } = await afterOneFailure(({ pool: own }) => {
      destroyed ??= own.destroy()
    })
    for (const outcome of await settled(Promise.allSettled(answers))) {
      expect(outcome).toMatchObject({ reason: { code: 'ERR_DROVER_CLOSED' } })
    }
    await settled(destroyed!)
    expect(hostile.processes).toEqual([])
    expect(pool.stats().started).toBe(2)
  })

  it('may ask for more, and there are still not more than max', async () => {
    const more: Promise<unknown>[] = []
    const { pool, answers } = await afterOneFailure((own) => {
      if (more.length < 3) more.push(own.ask(ANSWER, { retries: 1 }))
    })
    const sampler = new Sampler(pool, { max: 3 })
    onTestFinished(() => sampler.stop())
    await settled(Promise.all([...answers, ...more]))
    await settled(Promise.all(more))
    expect(more).toHaveLength(3)
    expect(sampler.problems).toEqual([])
  })
})
