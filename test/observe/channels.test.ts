import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, it, onTestFinished } from 'vitest'
import {
  type AttemptMessage,
  Dispatcher,
  dispatch,
  HandlerError,
  type ProcessMessage,
  ProcessPool,
  type RequestMessage,
  run,
  type TaskMessage,
} from '../../dist/index.js'
import { runProgram } from '../helpers/program.js'
import { hear, listen, momentsOf } from './support.js'

const ENDED_WELL = ['start', 'end', 'asyncStart', 'asyncEnd']
const FAILED = ['start', 'end', 'error', 'asyncStart', 'asyncEnd']

it('a task, its attempts and their processes are published, with what became of them', async () => {
  const tasks = hear<TaskMessage>('task')
  const attempts = hear<AttemptMessage>('attempt')
  const processes = hear<ProcessMessage>('process')
  const work = [{ id: 'bad', command: 'exit 3', retries: 1 }]
  const results: unknown[] = []
  for await (const result of dispatch(work, { backoffMs: 1, run: 'mine' })) results.push(result)
  expect(momentsOf(tasks)).toEqual(FAILED)
  expect(momentsOf(attempts)).toEqual([...FAILED, ...FAILED])
  expect(momentsOf(processes)).toEqual([...FAILED, ...FAILED])
  const [task] = tasks
  expect(task!.copy).toEqual({ run: 'mine', index: 0, id: 'bad', command: 'exit 3', args: null, attempts: 2 })
  expect(task!.message.result).toBe(results[0])
  expect(task!.message.error).toEqual({ code: 'ERR_DROVER_COMMAND', message: 'failed with exit code 3' })
  expect(new Set(attempts.map(({ message }) => message.task))).toEqual(new Set([task!.message]))
  const ends = attempts.filter(({ moment }) => moment === 'asyncEnd').map(({ copy }) => copy)
  expect(ends).toMatchObject([
    { attempt: 1, slot: 1, again: true, result: { state: 'failed', exitCode: 3, attempt: 1 } },
    { attempt: 2, slot: 1, again: false, result: { state: 'failed', exitCode: 3, attempt: 2 } },
  ])
  expect(processes[0]!.copy).toMatchObject({ role: 'command', file: '/bin/sh', args: ['-c', 'exit 3'] })
  expect(processes[4]!.copy).toMatchObject({ exitCode: 3, signal: null, pid: ends[0]!.result!.pid })
})

it('a task that is never started is published without an attempt', async () => {
  const tasks = hear<TaskMessage>('task')
  const attempts = hear<AttemptMessage>('attempt')
  await dispatch([{ command: 'false' }, { command: 'true' }, { nothing: 1 } as never], {
    ...{ concurrency: 1, halt: 'now,fail=1' },
  }).summary()
  expect(momentsOf(attempts)).toEqual(FAILED)
  const last = new Map(tasks.map(({ message }) => [message.index, message.result?.state]))
  expect([...last]).toEqual([
    [0, 'failed'],
    [1, 'skipped'],
    [2, 'invalid'],
  ])
})

it('what could not be started is an error with the code of the system', async () => {
  const processes = hear<ProcessMessage>('process')
  await run('/nowhere/at/all', [], { reject: false })
  expect(momentsOf(processes)).toEqual(FAILED)
  expect(processes[2]!.message).toMatchObject({ pid: null, exitCode: null, error: { code: 'ENOENT' } })
})

it('requests are published, those of leases too, and their workers are processes', async () => {
  const requests = hear<RequestMessage>('request')
  const processes = hear<ProcessMessage>('process')
  const pool = new ProcessPool('cat', { protocol: 'lines', max: 1 })
  onTestFinished(() => pool.destroy({ graceMs: 0 }))
  await pool.request('one', { priority: 3 })
  const lease = await pool.acquire()
  await lease.sendRequest('two')
  lease.release()
  await pool.close()
  expect(momentsOf(requests)).toEqual([...ENDED_WELL, ...ENDED_WELL])
  const [one, two] = [requests[3]!.message, requests[7]!.message]
  expect(one).toMatchObject({ program: 'cat', args: null, priority: 3, leased: false, pid: expect.any(Number) })
  expect(one.queuedMs).toBeGreaterThan(0)
  expect(one.durationMs).toBeGreaterThan(0)
  expect(two).toMatchObject({ leased: true, pid: one.pid })
  expect(momentsOf(processes)).toEqual(ENDED_WELL)
  expect(processes[3]!.message).toMatchObject({ role: 'worker', pid: one.pid, exitCode: 0 })
})

it('a request that is rejected is published with its error', async () => {
  const requests = hear<RequestMessage>('request')
  const pool = new ProcessPool(new URL('../executive/programs/acting.mjs', import.meta.url))
  onTestFinished(() => pool.destroy({ graceMs: 0 }))
  await expect(pool.request({ act: 'throw', value: 'x' })).rejects.toThrow(HandlerError)
  expect(momentsOf(requests)).toEqual(FAILED)
  expect(requests[2]!.message.error).toBeInstanceOf(HandlerError)
})

it('no message tells what an environment or an input holds', async () => {
  const heard = ['task', 'attempt', 'process'].map((kind) => hear(kind))
  const env = { PASSWORD: 'secret-of-env' }
  await dispatch([{ command: 'true', args: [], env, stdin: 'secret-of-input' }]).summary()
  expect(heard.flat().length).toBeGreaterThan(10)
  expect(JSON.stringify(heard)).not.toMatch(/secret-of/)
})

it('subscribers may add to the environment of a process at its start, and not replace what its task sets', async () => {
  listen('tracing:drover:process:start', (message) => {
    const { setEnv } = message as ProcessMessage
    setEnv('ADDED', 'by subscriber')
    setEnv('OWN', 'by subscriber')
    queueMicrotask(() => setEnv('LATE', 'by subscriber'))
  })
  const { stdout } = await run('echo "$ADDED, $OWN, $LATE"', { env: { OWN: 'by task' } })
  expect(stdout).toBe('by subscriber, by task, \n')
})

it('a task begins in the context of who added it', async () => {
  const storage = new AsyncLocalStorage<string>()
  const seen: (string | undefined)[] = []
  listen('tracing:drover:task:start', () => seen.push(storage.getStore()))
  async function* slowly() {
    for (const command of ['true', 'true', 'true']) {
      await new Promise((resolve) => setImmediate(resolve))
      yield { command }
    }
  }
  const first = storage.run('first', () => dispatch(slowly(), { concurrency: 1 }))
  await storage.run('reader', () => first.summary())
  const dispatcher = new Dispatcher({ concurrency: 1 })
  for (const who of ['a', 'b']) storage.run(who, () => dispatcher.add('true'))
  await dispatcher.close()
  expect(seen).toEqual(['first', 'first', 'first', 'a', 'b'])
})

it('stores that are bound to starts are there while a process is started', async () => {
  const { attemptChannel, processChannel } = await import('../../dist/index.js')
  const storage = new AsyncLocalStorage<AttemptMessage>()
  attemptChannel.start.bindStore(storage, (message) => message)
  onTestFinished(() => void attemptChannel.start.unbindStore(storage))
  const within: unknown[] = []
  const note = () => within.push(storage.getStore()?.task.id)
  processChannel.start.subscribe(note)
  onTestFinished(() => void processChannel.start.unsubscribe(note))
  await dispatch([{ id: 'x', command: 'true' }]).summary()
  await run('true')
  expect(within).toEqual(['x', undefined])
})

it('what comes from the launcher is in no context, least of all that of who had it started', async () => {
  const { stdout } = await runProgram(`
    import { AsyncLocalStorage } from 'node:async_hooks'
    const storage = new AsyncLocalStorage()
    const launcher = 'native'
    await storage.run('first', () => drover.run('true', { launcher }))
    const seen = []
    const onResult = () => { seen.push(storage.getStore() ?? 'nobody') }
    await storage.run('second', () => drover.dispatch(['true'], { onResult, launcher }).summary())
    console.log(seen.join())
  `)
  expect(stdout).toBe('nobody\n')
})

it('a subscriber that throws is an uncaught exception, and the run goes on', async () => {
  const { stdout } = await runProgram(`
    import { subscribe } from 'node:diagnostics_channel'
    let uncaught = 0
    process.on('uncaughtException', () => { uncaught += 1 })
    const fail = () => { throw new Error('of a subscriber') }
    for (const kind of ['task', 'attempt', 'process'])
      for (const moment of ['start', 'end', 'asyncStart', 'asyncEnd']) subscribe(\`tracing:drover:\${kind}:\${moment}\`, fail)
    const { byState } = await drover.dispatch(['true', 'true'], { concurrency: 1 }).summary()
    setImmediate(() => console.log(byState.succeeded, uncaught))
  `)
  expect(stdout).toBe('2 24\n')
})

it('a subscriber cannot add what no environment can hold, and the process is started', async () => {
  const refused: string[] = []
  listen('tracing:drover:process:start', (message) => {
    const { setEnv } = message as ProcessMessage
    for (const [name, value] of [
      ['A=B', 'x'],
      ['', 'x'],
      ['A\0', 'x'],
      ['A', 'x\0'],
      ['A', 5],
      ['A', undefined],
    ]) {
      try {
        setEnv(name as string, value as string)
      } catch (error) {
        refused.push((error as { code: string }).code)
      }
    }
  })
  expect(await run('echo "[$A]"')).toMatchObject({ state: 'succeeded', stdout: '[]\n' })
  expect(refused).toEqual(new Array(6).fill('ERR_DROVER_OPTION'))
})
