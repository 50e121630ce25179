import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type PoolOptions, ProcessPool } from '../../src/index.js'
import { errorOf } from '../pool/support.js'
import { workerFile } from '../worker/support.js'

const file = (name: string) => fileURLToPath(new URL(`./programs/${name}`, import.meta.url))
const LANGUAGES = [
  { language: 'PHP', command: ['php', file('worker.php')], types: { null: 'NULL', map: 'array', bytes: 'string' } },
  {
    language: 'Python',
    command: ['python3', file('worker.py')],
    types: { null: 'NoneType', map: 'dict', bytes: 'bytes' },
  },
] as const

describe.each(LANGUAGES)('a worker in $language', ({ command, types }) => {
  function poolOf(options: PoolOptions = {}, ...args: string[]): ProcessPool {
    const [program, ...words] = command
    const pool = new ProcessPool(program, [...words, ...args], { protocol: 'frames', max: 1, ...options })
    onTestFinished(() => pool.destroy({ graceMs: 0 }))
    return pool
  }

  it('takes and gives values', async () => {
    const pool = poolOf()
    const values = [
      0,
      -1.5,
      true,
      false,
      '',
      'text',
      'caf\u00e9 \u{1f600}',
      [],
      [1, 'two', null],
      { a: { b: [false] } },
    ]
    for (const value of values) expect((await pool.request({ act: '', echo: value })).value).toEqual(value)
    for (const value of ['text', '\0\n\r']) expect((await pool.request(value)).value).toBe(value)
    expect((await pool.request(undefined)).value).toBeUndefined()
    expect((await pool.request({ act: 'type', value: null })).value).toBe(types.null)
    expect((await pool.request({ act: 'type', value: { a: 1 } })).value).toBe(types.map)
  })

  it('takes and gives any bytes, and megabytes of them', async () => {
    const pool = poolOf()
    const bytes = Buffer.from([0, 255, 10, 13, 192, 128])
    expect((await pool.request(bytes)).value).toEqual(bytes)
    const large = 'x\u00e9'.repeat(5_000_000)
    const { value } = await pool.request<string>(large)
    expect(value === large).toBe(true)
  })

  it('tells what is printed apart from the value', async () => {
    const pool = poolOf()
    for (let n = 0; n < 3; n += 1) {
      const { value, stdout, stderr } = await pool.request('print')
      expect(value).toBe('value')
      expect(stdout).toContain('printed twice\n')
      expect(stderr).toContain('complained\n')
      expect(stdout + stderr).toContain('from a program\n')
    }
  })

  it('tells what is thrown, and goes on', async () => {
    const pool = poolOf()
    const { value: pid } = await pool.request('pid')
    const error = await errorOf(pool.request('throw'))
    expect(error).toMatchObject({ code: 'ERR_DROVER_HANDLER', stdout: 'tried' })
    expect(error.remote).toMatchObject({ message: expect.stringContaining('as it was told'), code: '42' })
    expect((error.remote as { stack: string }).stack).toMatch(/worker\.(php|py)/)
    expect((await pool.request('pid')).value).toBe(pid)
  })

  it('is replaced when it ends under a request, which is told why', async () => {
    const pool = poolOf()
    expect(await errorOf(pool.request('exit'))).toMatchObject({
      code: 'ERR_DROVER_WORKER_DIED',
      exitCode: 7,
      stderr: expect.stringContaining('on purpose\n'),
    })
    const fatal = await errorOf(pool.request('fatal'))
    expect(fatal).toMatchObject({ code: 'ERR_DROVER_WORKER_DIED' })
    if (command[0] === 'php') expect(fatal.message).toContain('Allowed memory size')
    expect((await pool.request('again')).value).toBe('again')
  })

  it('is sent more than one request at a time', async () => {
    const pool = poolOf({ pipeline: 8 })
    const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => pool.request(`n${n}`)))
    expect(answers.map(({ value }) => value)).toEqual(Array.from({ length: 500 }, (_, n) => `n${n}`))
    expect(pool.stats().started).toBe(1)
  })

  it('says goodbye', async () => {
    const pool = poolOf()
    await pool.request('x')
    const exits: unknown[] = []
    pool.on('exit', (exit) => exits.push(exit))
    await pool.close()
    expect(exits).toMatchObject([{ exitCode: 0, error: null, stdout: 'goodbye' }])
  })

  it('speaks process-pool with whoever does', async () => {
    const pool = poolOf({ protocol: 'process-pool' })
    expect((await pool.request('hello')).value).toBe('hello')
    const { value, stderr } = await pool.request<string>('print')
    expect(value).toMatch(/^printed twice\n.*value$/s)
    expect(stderr).toContain('complained\n')
    const large = 'y'.repeat(3_000_000)
    expect((await pool.request(large)).value === large).toBe(true)
    expect(await errorOf(pool.request('throw'))).toMatchObject({ code: 'ERR_DROVER_WORKER_DIED', exitCode: 1 })
    expect((await pool.request('')).value).toBe('')
  })

  it('speaks lines when it is asked to', async () => {
    const pool = poolOf({ protocol: 'lines', pipeline: 4 }, 'lines')
    const answers = await Promise.all(['a', 'b', 'throw', 'c'].map((line) => pool.request(line)))
    expect(answers.map(({ value }) => value)).toEqual(['a', 'b', '', 'c'])
  })

  it('understands frames wherever they are cut', async () => {
    const frame = (type: number, id: number, payload: string) => {
      const bytes = Buffer.alloc(9 + Buffer.byteLength(payload))
      bytes.writeUInt32BE(bytes.length - 4)
      bytes[4] = type
      bytes.writeUInt32BE(id, 5)
      bytes.write(payload, 9)
      return bytes
    }
    const sent = Buffer.concat([
      frame(16, 0, '{"protocol":1,"codecs":[],"clone":15}'),
      frame(17, 1, '\x02one'),
      frame(19, 2, ''),
      frame(17, 3, '\x01{"act":"","echo":[3]}'),
      frame(18, 9, ''),
      frame(20, 0, ''),
    ])
    const ready = frame(1, 0, '{"protocol":1,"codecs":[],"concurrency":1}')
    const goodbye = frame(4, 0, '\x01goodbye')
    const expected = Buffer.concat([ready, frame(2, 1, '\x02one'), frame(5, 2, ''), frame(2, 3, '\x01[3]'), goodbye])
    const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
    const received: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => received.push(chunk))
    for (const byte of sent) {
      child.stdin.write(Buffer.from([byte]))
      // So that each goes by itself.
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await once(child, 'close')).toEqual([0, null])
    expect(Buffer.concat(received).toString('latin1')).toBe(expected.toString('latin1'))
  })

  it.each(['\0\0\0\x20\x11\0\0', '1;500\nhalf'])('ends when its input ends in the middle (%j)', async (input) => {
    const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'ignore', 'inherit'] })
    child.stdin.end(input, 'latin1')
    expect(await once(child, 'close')).toEqual([0, null])
  })
})

describe('ssigwart/process-pool', () => {
  it('has workers that answer through a pool unchanged', async () => {
    const pool = new ProcessPool('php', [file('reference-worker.php')], { protocol: 'process-pool', max: 2 })
    onTestFinished(() => pool.destroy({ graceMs: 0 }))
    const words = ['drover', '', 'two\nlines', 'x'.repeat(100_000)]
    const answers = await Promise.all(words.map((word) => pool.request(word)))
    expect(answers.map(({ value }) => value)).toEqual(words.map((word) => [...word].reverse().join('')))
    expect(await pool.request('complain')).toMatchObject({ value: 'nialpmoc', stderr: 'a complaint\n' })
    const error = await errorOf(pool.request('die'))
    expect(error).toMatchObject({
      code: 'ERR_DROVER_WORKER_DIED',
      exitCode: 3,
      stderr: expect.stringMatching(/the end\n$/),
    })
    expect((await pool.request('on')).value).toBe('no')
    await pool.close()
  })

  it('has parents that drive a worker of ours', () => {
    const worker = workerFile(`serve({
      handle: (text) => { process.stdout.write('got '); return text.length > 20 ? text.slice(0, 1) : text },
      exit: () => { process.stdout.write('goodbye') },
    })`)
    const printed = execFileSync('php', [file('pool-parent.php'), process.execPath, worker], { encoding: 'utf8' })
    const expected = ['got first', 'got two\nlines', 'got ', 'got \ufffd\0', 'got l']
    expect(JSON.parse(printed)).toEqual({
      answers: expected.map((answer) => ({
        bytes: Buffer.byteLength(answer),
        sha1: createHash('sha1').update(answer).digest('hex'),
      })),
      goodbye: '7;goodbye',
      status: 0,
    })
  })
})
