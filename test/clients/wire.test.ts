import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { FrameReader, FromWorker, ToWorker } from '../../src/pool/wire/frame.js'
import { FrameWriter } from '../../src/pool/wire/frame-writer.js'
import { decodeValue, encodeValue } from '../../src/pool/wire/values.js'
import { LANGUAGES, type Language, programFile } from './support.js'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drover-wire-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface WorkerEnd {
  readonly status: number | null
  readonly stdout: Buffer
  readonly stderr: string
}

/** A worker without a pool. */
class BareWorker {
  readonly process: ChildProcessWithoutNullStreams
  readonly end: Promise<WorkerEnd>

  constructor({ program, extension }: Language, env: Record<string, string> = {}, args: readonly string[] = []) {
    this.process = spawn(program, [...args, programFile(`worker.${extension}`)], { env: { ...process.env, ...env } })
    onTestFinished(() => {
      this.process.kill('SIGKILL')
    })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    this.process.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    this.process.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    // It may end without having read its input.
    this.process.stdin.on('error', () => {})
    this.end = once(this.process, 'close').then(([status]) => ({
      status: status as number | null,
      stdout: Buffer.concat(stdout),
      stderr: Buffer.concat(stderr).toString(),
    }))
  }

  /** Writes each byte by itself, so that many reads get a single one. */
  async feed(bytes: Uint8Array): Promise<void> {
    for (const byte of bytes) {
      this.process.stdin.write(Uint8Array.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

/** A copy of a worker's file that reads so many bytes at a time. */
function readingBy(bytes: number, { workerFile }: Language): string {
  const source = readFileSync(workerFile, 'utf8')
  const changed = source.replace(/(READ_BYTES = )[\d <]+/, `$1${bytes}`)
  expect(changed).not.toBe(source)
  const place = join(folder, String(bytes))
  mkdirSync(place, { recursive: true })
  writeFileSync(join(place, basename(workerFile)), changed)
  return join(place, basename(workerFile))
}

/** What a pool sends, in frames. */
function frames(...write: ((writer: FrameWriter) => void)[]): Buffer {
  const writer = new FrameWriter()
  writer.json(ToWorker.hello, 0, { protocol: 1, codecs: [] })
  for (const one of write) one(writer)
  return Buffer.concat(writer.take())
}

const request = (id: number, value: unknown) => (writer: FrameWriter) =>
  writer.value(ToWorker.request, id, encodeValue(value, false))
const empty = (type: number, id: number) => (writer: FrameWriter) => writer.empty(type, id)

const NAMES = Object.fromEntries(Object.entries(FromWorker).map(([name, type]) => [type, name]))

/** What a worker wrote, for people. */
function read(stdout: Buffer): [name: string, id: number, content: unknown][] {
  const found: [string, number, unknown][] = []
  const reader = new FrameReader(FromWorker, 1e9, (type, id, payload) => {
    if (type === FromWorker.result) found.push(['result', id, decodeValue(payload)])
    else if (type === FromWorker.output) found.push([`output ${payload[0]}`, id, payload.toString('utf8', 1)])
    else found.push([NAMES[type]!, id, payload.length === 0 ? null : JSON.parse(payload.toString())])
  })
  reader.read(stdout)
  expect(reader.isInside).toBe(false)
  return found
}

const READY = ['ready', 0, { protocol: 1, codecs: [], concurrency: 1 }]

const SESSION = frames(
  request(1, 'ü'),
  request(2, [1, { ä: null }]),
  empty(ToWorker.ping, 7),
  request(3, Uint8Array.of(0, 10, 255)),
  request(4, ''),
  request(5, undefined),
  request(6, { act: 'print', out: 'o', err: 'e', value: 'v' }),
  empty(ToWorker.exit, 0),
)

function expectSession(end: WorkerEnd): void {
  expect(end).toMatchObject({ status: 0, stderr: '' })
  const found = read(end.stdout)
  // It is answered as soon as it is read, before or after the requests that are there already.
  expect(found.filter(([name]) => name === 'pong')).toEqual([['pong', 7, null]])
  expect(found.filter(([name]) => name !== 'pong' && name !== 'output 2')).toEqual([
    READY,
    ['result', 1, 'ü'],
    ['result', 2, [1, { ä: null }]],
    ['result', 3, Buffer.from([0, 10, 255])],
    ['result', 4, ''],
    ['result', 5, undefined],
    ['output 1', 6, 'o\n'],
    ['result', 6, 'v'],
    ['output 1', 0, 'goodbye after 6\n'],
  ])
  expect(found.filter(([name]) => name === 'output 2')).toEqual([['output 2', 6, 'e\n']])
}

const SPLITS = [1, 2, 3, 4, 5, 8, 9, 10, 13, 64]

describe.each(LANGUAGES)('what a worker in $name reads', (language) => {
  it.each(SPLITS)('may be split into pieces of %i bytes: frames', async (bytes) => {
    const worker = new BareWorker(language, { WORKER_FILE: readingBy(bytes, language) })
    worker.process.stdin.write(SESSION)
    expectSession(await worker.end)
  })

  it.each(SPLITS)('may be split into pieces of %i bytes: process-pool and lines', async (bytes) => {
    const env = { WORKER_FILE: readingBy(bytes, language) }
    const pool = new BareWorker(language, env)
    pool.process.stdin.write('1;3\nabc1;0\n1;12\n0123456789\n\n0;\n')
    expect(await pool.end).toEqual({
      status: 0,
      stdout: Buffer.from('3;abc0;12;0123456789\n\n16;goodbye after 3\n'),
      stderr: '',
    })
    const lines = new BareWorker(language, { ...env, WORKER_PROTOCOL: 'lines' })
    lines.process.stdin.end('one\n\nthree\nfour')
    expect(await lines.end).toEqual({
      status: 0,
      stdout: Buffer.from('one\n\nthree\nfour\n'),
      stderr: 'goodbye after 4\n',
    })
  })

  it('may come byte by byte', async () => {
    const worker = new BareWorker(language)
    await worker.feed(SESSION)
    expectSession(await worker.end)
  })

  it('may end in the middle of a message, which is not handled', { timeout: 120_000 }, async () => {
    const whole = frames(request(1, 'first'))
    const cut = frames(request(1, 'first'), request(2, 'second'))
    for (let bytes = whole.length; bytes < cut.length; bytes++) {
      const worker = new BareWorker(language)
      worker.process.stdin.end(cut.subarray(0, bytes))
      const end = await worker.end
      expect(end).toMatchObject({ status: 0, stderr: '' })
      expect(read(end.stdout)).toEqual([READY, ['result', 1, 'first'], ['output 1', 0, 'goodbye after 1\n']])
    }
    const worker = new BareWorker(language)
    worker.process.stdin.end('1;3\nabc1;100\nmore')
    expect((await worker.end).stdout.toString()).toBe('3;abc16;goodbye after 1\n')
  })

  it('may be nothing at all', async () => {
    const worker = new BareWorker(language)
    worker.process.stdin.end()
    const end = await worker.end
    expect(end).toMatchObject({ status: 0, stderr: '' })
    expect(read(end.stdout)).toEqual([['output 1', 0, 'goodbye after 0\n']])
  })

  it.each([
    ['no frame', Buffer.from([0, 0, 0, 4, 17, 0, 0, 0, 1]), /no frame/],
    ['a type that there is not', Buffer.from([0, 0, 0, 5, 99, 0, 0, 0, 1]), /no frame/],
    ['no head of process-pool', Buffer.from('2;5\nhello'), /expected "1;<bytes>" or "0;"/],
  ])('ends it when it is %s', async (_, bytes, reason) => {
    const worker = new BareWorker(language)
    worker.process.stdin.write(bytes)
    const end = await worker.end
    expect(end).toMatchObject({ status: 1, stdout: Buffer.alloc(0) })
    expect(end.stderr).toMatch(reason)
  })

  it('has to be of a version that it knows', async () => {
    const writer = new FrameWriter()
    writer.json(ToWorker.hello, 0, { protocol: 2 })
    const worker = new BareWorker(language)
    worker.process.stdin.write(Buffer.concat(writer.take()))
    const end = await worker.end
    expect(end.status).toBe(1)
    expect(read(end.stdout)).toMatchObject([['error', 0, { message: expect.stringContaining('version 1') }]])
  })

  it('is answered with an error where it cannot be read', async () => {
    const worker = new BareWorker(language)
    const bad = (writer: FrameWriter) => writer.tagged(ToWorker.request, 1, 1, '{"no JSON')
    const none = (writer: FrameWriter) => writer.tagged(ToWorker.request, 2, 77, '')
    worker.process.stdin.end(frames(bad, none, empty(ToWorker.request, 3), request(4, 'well')))
    expect(read((await worker.end).stdout)).toMatchObject([
      READY,
      ['error', 1, {}],
      ['error', 2, { message: 'there is no codec 77' }],
      ['error', 3, {}],
      ['result', 4, 'well'],
      ['output 1', 0, 'goodbye after 1\n'],
    ])
  })
})

describe.each(LANGUAGES)('a worker in $name', (language) => {
  it('ends by itself when nobody reads its answers any more', async () => {
    const worker = new BareWorker(language)
    worker.process.stdin.write(frames(request(1, 'x')))
    await once(worker.process.stdout, 'data')
    worker.process.stdout.destroy()
    worker.process.stdin.write(frames(request(2, { act: 'many', size: 1_000_000 })).subarray(frames().length))
    expect(await worker.end).toMatchObject({ status: 0, stderr: '' })
  })

  it('refuses what cannot be served', async () => {
    const source =
      language.name === 'PHP'
        ? `<?php require ${JSON.stringify(language.workerFile)}; Drover\\serve(['handle' => 'there is no such function']);`
        : `import sys; sys.path.insert(0, ${JSON.stringify(join(language.workerFile, '..'))})
sys.dont_write_bytecode = True
import drover_worker; drover_worker.serve('no function')`
    const file = join(folder, `refused.${language.extension}`)
    writeFileSync(file, source)
    const child = spawn(language.program, [file], { stdio: ['ignore', 'pipe', 'pipe'] })
    const stderr: Buffer[] = []
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    const [status] = await once(child, 'close')
    expect(status).not.toBe(0)
    expect(Buffer.concat(stderr).toString()).toMatch(/"?handle"? must be a function that takes a request/)
  })
})

describe('a worker in PHP', () => {
  const php = LANGUAGES[0]!

  it('without FFI closes STDOUT, and descriptor 1 leads to standard error all the same', async () => {
    const worker = new BareWorker(php, {}, ['-d', 'ffi.enable=false'])
    worker.process.stdin.end(frames(request(1, { act: 'everyWay' }), request(2, { act: 'child' })))
    const end = await worker.end
    expect(read(end.stdout)).toEqual([
      READY,
      ['output 1', 1, 'abd'],
      ['result', 1, false],
      ['result', 2, 0],
      ['output 1', 0, 'goodbye after 2\n'],
    ])
    expect(end).toMatchObject({ status: 0, stderr: 'past PHP\n' })
  })

  it.each([['display_errors=1'], ['display_errors=0', '-d', 'log_errors=0']])(
    'tells of a fatal error on standard error with %s',
    async (...settings) => {
      const worker = new BareWorker(php, {}, ['-d', ...settings])
      worker.process.stdin.end(frames(request(1, { act: 'fatal' })))
      const end = await worker.end
      expect(end).toMatchObject({ status: 255, stderr: expect.stringMatching(/Fatal error.*memory size/) })
      expect(read(end.stdout)).toEqual([READY])
    },
  )
})
