import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { status } from '../../src/fleet/status.js'
import type { Result } from '../../src/task/result.js'
import { Drover } from '../helpers/drover.js'
import { processesWith, uniqueSleep } from '../helpers/processes.js'
import { until } from '../helpers/until.js'
import { startRedis, type TestServer } from './support.js'

let server: TestServer
let folder: string
let worker: Drover | null = null
let queue: string
let count = 0

beforeAll(async () => {
  server = await startRedis()
  folder = mkdtempSync(join(tmpdir(), 'drover-fleet-cli-'))
}, 120_000)
afterAll(async () => {
  await server?.remove()
  rmSync(folder, { recursive: true, force: true })
})

const drover = (...words: string[]) => new Drover(words).end
/** A queue of its own, with a worker for as long as the call takes. */
async function working(call: () => Promise<void>, ...options: string[]): Promise<void> {
  queue = server.address(`cli${++count}`)
  worker = new Drover(['work', '--queue', queue, '-j', '2', '--outputs', join(folder, 'outputs'), ...options])
  try {
    await until('it works', () => worker!.stderr.includes(' works for '))
    await call()
  } finally {
    worker.process.kill('SIGTERM')
    await worker.end
  }
}

it('run --queue prints what run prints, in order, and counts what fails', () =>
  working(async () => {
    const run = await drover('run', '--queue', queue, '-k', '--tag', 'sleep 0.{}; echo {}', ':::', '3', '1', '2')
    expect(run).toMatchObject({ status: 0, stdout: '3\t3\n1\t1\n2\t2\n', stderr: '' })
    const failing = await drover('run', '--queue', queue, 'exit {}', ':::', '0', '1', '2')
    expect(failing).toMatchObject({ status: 2, stdout: '' })
    expect(failing.stderr).toContain('3 tasks: 1 succeeded, 2 failed')
  }))

it('run --queue keeps a journal, and resumes by it', () =>
  working(async () => {
    const [journal, log] = [join(folder, 'journal'), join(folder, 'log')]
    const words = ['run', '--queue', queue, '--journal', journal, `echo {} >> ${log}; test {} != 2`, ':::', '1', '2']
    expect((await drover(...words)).status).toBe(1)
    expect((await drover(...words.slice(0, 5), '--resume', ...words.slice(5), '3')).status).toBe(0)
    expect((await drover(...words.slice(0, 5), '--retry-failed', ...words.slice(5), '3')).status).toBe(1)
    expect(readFileSync(log, 'utf8').trimEnd().split('\n').sort()).toEqual(['1', '2', '2', '3'])
    const records = readFileSync(journal, 'utf8').trimEnd().split('\n')
    expect(records.map((line) => JSON.parse(line).type)).toEqual([
      'run',
      'result',
      'result',
      'run',
      'result',
      'run',
      'result',
    ])
  }))

it('submit gives the name of its run, by which results are waited for, printed as JSON and counted', () =>
  working(async () => {
    const tasks = join(folder, 'tasks.jsonl')
    writeFileSync(tasks, '{"id":"a","command":"echo","args":["A"]}\n{"id":"b","command":"exit 3"}\n')
    const words = ['--queue', queue, '--run', 'night', '--tasks', tasks]
    expect(await drover('submit', ...words)).toMatchObject({
      status: 0,
      stdout: 'night\n',
      stderr: 'drover: 2 tasks are in the queue\n',
    })
    expect(JSON.parse((await drover('submit', ...words, '--json')).stdout)).toEqual({
      run: 'night',
      submitted: 2,
      invalid: 0,
    })
    const waited = await drover('submit', ...words, '--wait', '--json', '-k')
    expect(waited.status).toBe(1)
    const results = waited.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Result)
    expect(results).toMatchObject([
      { id: 'a', state: 'succeeded', stdout: 'A\n', index: 0 },
      { id: 'b', state: 'failed', exitCode: 3, index: 1 },
    ])
    const shown = await drover('status', '--queue', queue, 'night')
    expect(shown.stdout).toContain(': 0 waiting, 0 running, 2 done\n')
    expect(shown.stdout).toMatch(/^worker .*: 0 running$/m)
    expect(JSON.parse((await drover('status', '--queue', queue, '--json')).stdout)).toMatchObject({
      tasks: { done: 2 },
    })
  }))

it('submit --wait that is killed is called again, and gives all results of tasks that ran once', () =>
  working(async () => {
    const log = join(folder, 'killed')
    const items = Array.from({ length: 60 }, (_, n) => String(n))
    const words = [
      'submit',
      '--queue',
      queue,
      '--run',
      'killed',
      '--wait',
      '-k',
      `echo {} >> ${log}; echo {}`,
      ':::',
      ...items,
    ]
    const first = new Drover(words)
    await until('some are done', () => first.stdout.split('\n').length > 5)
    first.process.kill('SIGKILL')
    await first.exit
    expect(await drover(...words)).toMatchObject({ status: 0, stdout: `${items.join('\n')}\n` })
    const begun = readFileSync(log, 'utf8').trimEnd().split('\n')
    expect(
      begun
        .map(Number)
        .sort((a, b) => a - b)
        .map(String),
    ).toEqual(items)
  }))

it('a bad line of a stream is not submitted, and counted', () =>
  working(async () => {
    const end = new Drover(['submit', '--queue', queue, '--tasks', '-'], { input: '{"command":"true"}\nno\n' })
    const { status: code, stderr } = await end.end
    expect(code).toBe(1)
    expect(stderr).toMatch(/task 2 was not submitted: stdin, line 2.*\n.*1 task is in the queue/)
  }))

it('a signal ends the tasks of run --queue wherever they run, and leaves those of submit --wait', () =>
  working(async () => {
    for (const [command, left] of [
      [['run'], 0],
      [['submit', '--wait'], 1],
    ] as const) {
      const seconds = uniqueSleep()
      const waiting = new Drover([...command, '--queue', queue, 'sleep {}', ':::', seconds])
      await until('it runs', () => processesWith(`sleep ${seconds}`).length > 0)
      waiting.process.kill('SIGINT')
      expect((await waiting.end).signal).toBe('SIGINT')
      if (left === 0) await until('it is ended', () => processesWith(`sleep ${seconds}`).length === 0, 2_000)
      else expect(processesWith(`sleep ${seconds}`)).not.toEqual([])
      if (left === 0) continue
      const { running } = await status({ queue })
      expect(await drover('cancel', '--queue', queue, `${running[0]!.run}/${running[0]!.key}`)).toMatchObject({
        status: 0,
        stdout: '1 running task told to end; what waits is skipped\n',
      })
      await until('it is ended', () => processesWith(`sleep ${seconds}`).length === 0, 2_000)
    }
  }))

it('work: the first signal finishes what runs, the second ends it and hands it back', () =>
  working(async () => {
    const seconds = uniqueSleep()
    await drover('submit', '--queue', queue, 'sleep {}', ':::', seconds)
    await until('it runs', () => processesWith(`sleep ${seconds}`).length > 0)
    worker!.process.kill('SIGTERM')
    await until('it has heard', () => worker!.stderr.includes('SIGTERM: finishing 1 task;'))
    expect(processesWith(`sleep ${seconds}`)).not.toEqual([])
    worker!.process.kill('SIGTERM')
    expect(await worker!.end).toMatchObject({ status: 0, signal: null })
    expect(worker!.stderr).toContain('tasks done: 0, handed back: 1')
    expect(processesWith(`sleep ${seconds}`)).toEqual([])
    expect((await status({ queue })).tasks).toEqual({ waiting: 1, running: 0, done: 0 })
  }))

it('tells that output was cut, and where all of it is', () =>
  working(
    async () => {
      const { stdout, stderr } = await drover('run', '--queue', queue, 'seq {}', ':::', '1000')
      expect(stdout.length).toBeLessThan(300)
      const [, file] = /task 1: its output was cut; all of it is on \S+ in (\S+)/.exec(stderr)!
      expect(readFileSync(file!, 'utf8').length).toBe(3_893)
    },
    '--max-output',
    '200',
  ))

it('limit sets what holds on all machines together', () =>
  working(async () => {
    const set = await drover('limit', '--queue', queue, '--jobs', '3', '--rate', '50/s')
    expect(set.stdout).toBe('on all machines together: 3 at once, 50 started in 1000 ms\n')
    expect((await drover('status', '--queue', queue)).stdout).toContain('3 at once, 50 started in 1000 ms')
    expect((await drover('limit', '--queue', queue, '--jobs', 'none', '--rate', 'none', '--json')).stdout).toBe(
      '{"concurrency":null,"rate":null}\n',
    )
  }))

it.each([
  [['run', '--queue', 'redis://me:secret@localhost', 'true'], 'a password on the command line can be read'],
  [['run', '--queue', 'http://localhost', 'true'], 'that begins with one of redis://'],
  [['run', '--queue', 'redis://h/?queue=9', 'true'], 'the name of a queue is letters, digits'],
  [['run', '--queue', 'redis://h', '--nice', '3', 'true'], '--nice is for the machines that run the tasks'],
  [['run', '--queue', 'redis://h', '--results', 'x', 'true'], '--results keeps output here'],
  [['run', '--run', 'x', 'true'], '--run is for tasks in a queue'],
  [['submit', '--queue', 'redis://h', '--journal', 'x', 'true', ':::', '1'], '--journal is about results; give --wait'],
  [['submit', '--queue', 'redis://h', '--lifetime', '1h', 'true'], '--lifetime is how long a signature is good'],
  [['work', '--queue', 'redis://h', '--allow', 'no-such-program'], 'there is no program no-such-program'],
  [['work', '--queue', 'redis://h', '--lock', '10ms'], 'lockMs: expected at least 1,000'],
  [['work', '--queue', 'redis://h', '--dashboard-token', 'x'], '--dashboard-token is for a dashboard'],
  [['cancel', '--queue', 'redis://h', 'a b'], 'run: expected up to 100 letters'],
])('%j is a mistake in the call', async (words, message) => {
  const { status: code, stderr, stdout } = await new Drover(words, { input: '' }).end
  expect(stderr).toContain(message)
  expect(stderr).not.toContain('secret@')
  expect({ code, stdout }).toEqual({ code: 255, stdout: '' })
})

it('{%} is refused, since a queue knows no slots, and nothing is submitted', async () => {
  queue = server.address(`cli${++count}`)
  for (const command of ['run', 'submit']) {
    const { status: code, stderr } = await drover(command, '--queue', queue, 'echo {%} {}', ':::', '1')
    expect(stderr).toContain('{%} is the number of a slot on one machine')
    expect(code).toBe(255)
  }
  expect((await status({ queue })).tasks.waiting).toBe(0)
})

it('an address may come from a file, closed to others when it has a password, or from the environment', async () => {
  queue = server.address(`cli${++count}`)
  const file = join(folder, 'address')
  writeFileSync(file, `${queue}\n`)
  expect((await drover('status', '--queue-file', file)).stdout).toContain('0 waiting')
  const env = { DROVER_QUEUE: queue }
  expect((await new Drover(['status'], { env }).end).stdout).toContain('0 waiting')
  expect((await new Drover(['run', '--dry-run', '--queue', '-', 'echo', ':::', '1'], { env }).end).status).toBe(0)
  writeFileSync(file, 'redis://me:secret@localhost')
  chmodSync(file, 0o644)
  const { status: code, stderr } = await drover('status', '--queue-file', file)
  expect({ code, stderr }).toMatchObject({
    code: 255,
    stderr: expect.stringContaining('others can read it; chmod 600'),
  })
})

it('a server that is not there is told of, without waiting for ever', async () => {
  const { status: code, stderr } = await drover('run', '--queue', 'redis://127.0.0.1:1', 'true', ':::', '1')
  expect(stderr).toMatch(/^drover: the queue at redis:\/\/127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/)
  expect(code).toBe(102)
})

it('many tasks are submitted in little memory', async () => {
  queue = server.address(`cli${++count}`)
  const submission = new Drover(['submit', '--queue', queue, '--quiet', 'true {}'])
  const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${submission.process.pid}/status`, 'utf8'))?.[1])
  const text = 'x'.repeat(1_000)
  const write = async (from: number, to: number) => {
    for (let index = from; index < to; index++)
      if (!submission.process.stdin.write(`${index}${text}\n`))
        await new Promise((resolve) => submission.process.stdin.once('drain', resolve))
    await until('it has read them', async () => (await status({ queue })).tasks.waiting >= to - 1_000, 60_000)
  }
  await write(0, 10_000)
  const before = peak()
  // 40 MB of input, and twice that in JSON and objects.
  await write(10_000, 50_000)
  expect(peak() - before).toBeLessThan(70_000)
  submission.process.stdin.end()
  expect((await submission.end).status).toBe(0)
  expect((await status({ queue })).tasks.waiting).toBe(50_000)
}, 120_000)
