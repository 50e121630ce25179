import { describe, expect, it } from 'vitest'
import type { WorkerExit } from '../../src/index.js'
import { until } from '../helpers/until.js'
import { errorOf, poolOf, settled } from './support.js'

const lines = (program: string, args: readonly string[], options = {}) =>
  poolOf(program, args, { protocol: 'lines', max: 1, ...options })

describe('programs that answer a line with a line', () => {
  it('jq --unbuffered', async () => {
    const pool = lines('jq', ['--unbuffered', '-c', '{sum: (.a + .b)}'])
    for (const [a, b] of [
      [1, 2],
      [30, 40],
      [500, 600],
    ] as const) {
      expect((await settled(pool.request(JSON.stringify({ a, b })))).value).toBe(`{"sum":${a + b}}`)
    }
    const error = await errorOf(pool.request('no JSON'))
    expect(error).toMatchObject({ code: 'ERR_DROVER_WORKER_DIED', exitCode: expect.any(Number) })
    expect(error.stderr).toMatch(/parse error/)
    expect((await settled(pool.request('{"a":1,"b":1}'))).value).toBe('{"sum":2}')
  })

  it('jq with several requests on their way', async () => {
    const pool = lines('jq', ['--unbuffered', '. * 2'], { pipeline: 8, max: 2 })
    const numbers = Array.from({ length: 200 }, (_, n) => n)
    const answers = await settled(Promise.all(numbers.map((n) => pool.request(String(n)))))
    expect(answers.map(({ value }) => value)).toEqual(numbers.map((n) => String(2 * n)))
    expect(pool.stats().started).toBe(2)
  })

  it('bc', async () => {
    const pool = lines('bc', ['-q'], { env: { BC_LINE_LENGTH: '0' } })
    expect((await settled(pool.request('6*7'))).value).toBe('42')
    expect((await settled(pool.request('2^100'))).value).toBe('1267650600228229401496703205376')
    expect((await settled(pool.request('scale=5; 1/3'))).value).toBe('.33333')
    // What is wrong goes to standard error, and is not answered.
    const error = await errorOf(pool.request('1/0', { timeoutMs: 300 }))
    expect(error).toMatchObject({ code: 'ERR_DROVER_TIMEOUT' })
    expect((await settled(pool.request('1+1'))).value).toBe('2')
  })

  it('python -u, with what it prints to standard error and as its last words', async () => {
    const program = [
      'import sys',
      'for line in sys.stdin:',
      '    line = line.rstrip("\\n")',
      '    print("about", line, file=sys.stderr)',
      '    print(line[::-1], end="\\r\\n")',
      'print("no more")',
    ].join('\n')
    const pool = lines('python3', ['-u', '-c', program])
    for (const line of ['abc', '', 'äöü']) {
      const reversed = [...line].reverse().join('')
      expect(await settled(pool.request(line))).toMatchObject({
        value: reversed,
        stdout: reversed,
        stderr: `about ${line}\n`,
      })
    }
    const exits: unknown[] = []
    pool.on('exit', (exit) => exits.push(exit))
    await pool.close()
    expect(exits).toMatchObject([{ exitCode: 0, error: null, answered: 3, stdout: 'no more\n' }])
  })

  it('takes bytes and gives bytes', async () => {
    const pool = poolOf('cat', [], { protocol: 'lines', max: 1, encoding: 'buffer' })
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n).filter((n) => n !== 10 && n !== 13))
    const { value, stdout } = await settled(pool.request(bytes))
    expect(bytes.equals(value as Buffer) && bytes.equals(stdout as unknown as Buffer)).toBe(true)
  })

  it('what is no line is refused, and nothing started', async () => {
    const pool = lines('cat', [])
    for (const data of ['two\nlines', Buffer.from('\n'), 5, undefined, {}]) {
      expect(await errorOf(pool.request(data))).toMatchObject({ code: 'ERR_DROVER_OPTION' })
    }
    expect(pool.stats().started).toBe(0)
  })

  it('a program that prints before it is asked is told with what it printed', async () => {
    const pool = lines('/bin/sh', ['-c', 'echo welcome; cat'], { startBackoffMs: 1, min: 1 })
    const first = await new Promise<WorkerExit>((resolve) => pool.once('exit', resolve))
    expect(first.error).toMatchObject({ code: 'ERR_DROVER_WORKER_PROTOCOL', output: 'welcome\n' })
    await until('it has failed three times', () => pool.stats().started >= 3 && pool.stats().starting === 0)
  })

  it('a line longer than maxMessageBytes ends the worker', async () => {
    const pool = lines('cat', [], { maxMessageBytes: 1000 })
    expect((await settled(pool.request('x'.repeat(1000)))).value).toHaveLength(1000)
    expect(await errorOf(pool.request('x'.repeat(1001)))).toMatchObject({ code: 'ERR_DROVER_WORKER_PROTOCOL' })
  })
})
