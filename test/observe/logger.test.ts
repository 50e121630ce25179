import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { daemon, dispatch, forEach, type Logger, OptionError, ProcessPool, run } from '../../dist/index.js'
import { FakeLauncher } from '../helpers/fake-launcher.js'
import { until } from '../helpers/until.js'

interface Line {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown>
}

function makeLogger(): { logger: Logger; lines: Line[]; said: (level: string) => string[] } {
  const lines: Line[] = []
  const write = (level: string) => (fields: object, message: string) =>
    lines.push({ level, message, fields: fields as Record<string, unknown> })
  const logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  const said = (level: string) => lines.filter((line) => line.level === level).map(({ message }) => message)
  return { logger, lines, said }
}

const failing: Logger = {
  debug() {
    throw new Error('no room')
  },
  info: async () => {
    throw new Error('no room')
  },
  warn: () => Promise.reject(new Error('no room')),
  error() {
    throw new Error('no room')
  },
}

it('a run tells of tasks, tries, what could not be started, and its end', async () => {
  const { logger, lines, said } = makeLogger()
  const tasks = [
    { id: 'a', command: 'exit 3', retries: 1, env: { PASSWORD: 'secret' } },
    { command: '/nowhere', args: ['secret'] },
  ]
  await dispatch(tasks, { concurrency: 1, backoffMs: 1, logger, run: 'mine' }).summary()
  expect(said('debug').sort()).toEqual(['task ended', 'task ended', 'task started', 'task started', 'task started'])
  expect(said('warn')).toEqual(['task is tried again', 'task could not be started'])
  expect(said('info')).toEqual(['run ended'])
  expect(said('error')).toEqual([])
  expect(lines[1]!.fields).toMatchObject({ run: 'mine', index: 0, id: 'a', state: 'failed', exitCode: 3, attempt: 1 })
  expect(lines.at(-1)!.fields).toMatchObject({ run: 'mine', total: 2, failures: 2 })
  expect(lines.find(({ message }) => message === 'task could not be started')!.fields).toMatchObject({
    error: { code: 'ENOENT' },
  })
  expect(JSON.stringify(lines)).not.toContain('secret')
})

it('what ends a run is an error', async () => {
  const { logger, lines } = makeLogger()
  const problem = new Error('of onResult')
  const options = { logger, onResult: () => Promise.reject(problem) }
  await expect(dispatch(['true'], options).summary()).rejects.toBe(problem)
  expect(lines.filter(({ level }) => level === 'error')).toEqual([
    { level: 'error', message: 'the run is ended by an error', fields: { run: expect.any(String), err: problem } },
  ])
})

it('a task that the launcher has lost, and one that is none, are warned of', async () => {
  const { logger, lines } = makeLogger()
  const launcher = new FakeLauncher(() => ({ lost: true }))
  await dispatch(['true', { nothing: 1 } as never], { logger, launcher }).summary()
  expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
    { message: 'task is invalid', fields: { index: 1, error: { code: 'ERR_DROVER_INPUT' } } },
    { message: 'task was lost', fields: { index: 0, error: { code: 'ERR_DROVER_LOST' } } },
  ])
})

it('run() tells of its process', async () => {
  const { logger, lines } = makeLogger()
  await run('exit 4', { logger, reject: false, name: 'four' })
  expect(lines).toMatchObject([
    { level: 'debug', message: 'process started', fields: { name: 'four' } },
    { level: 'debug', message: 'process ended', fields: { name: 'four', state: 'failed', exitCode: 4 } },
  ])
})

it('a pool tells of its workers, of those that fail, and when none can be started', async () => {
  const { logger, said } = makeLogger()
  const options = { protocol: 'lines', max: 1, startBackoffMs: 1, maxStartFailures: 2, logger } as const
  const pool = new ProcessPool('/nowhere/at/all', [], options)
  onTestFinished(() => pool.destroy({ graceMs: 0 }))
  await expect(pool.request('x')).rejects.toMatchObject({ code: 'ERR_DROVER_WORKER_START' })
  await until('both are gone', () => said('warn').length === 4)
  expect(said('warn').sort()).toEqual([
    ...Array(2).fill('a worker failed at its start; the next is started after a pause'),
    ...Array(2).fill('worker failed'),
  ])
  expect(said('error')).toEqual(['workers cannot be started'])
  expect(said('debug')).toEqual(['worker started', 'worker started'])
})

it('a worker that was asked to exit is nothing to warn of', async () => {
  const { logger, lines } = makeLogger()
  const pool = new ProcessPool('cat', { protocol: 'lines', max: 1, logger })
  await pool.request('x')
  await pool.close()
  expect(lines.map(({ level, message }) => [level, message])).toEqual([
    ['debug', 'worker started'],
    ['debug', 'worker ended'],
  ])
})

const handler = new URL('../executive/programs/acting.mjs', import.meta.url)

it('forEach() tells of items and its end, a daemon of its rounds', async () => {
  const { logger, said, lines } = makeLogger()
  await forEach([{ act: 'return', value: 1 }], handler, { logger, concurrency: 1 }).summary()
  expect(said('debug')).toEqual(['worker started', 'item started', 'item ended', 'worker ended'])
  expect(said('info')).toEqual(['run ended'])
  lines.length = 0
  await daemon({ queue: () => [], handler, intervalMs: 0, stop: () => true, logger, control: false })
  expect(said('info')).toEqual(['round ended', 'daemon ended'])
})

it('a logger that throws or rejects breaks nothing', async () => {
  const { byState } = await dispatch(['true', '/nowhere/at/all'], {
    logger: failing,
    retries: 1,
    backoffMs: 1,
  }).summary()
  expect(byState).toMatchObject({ succeeded: 1, failed: 1 })
  await run('true', { logger: failing })
  const pool = new ProcessPool('cat', { protocol: 'lines', max: 1, logger: failing })
  expect((await pool.request('x')).value).toBe('x')
  await pool.close()
})

it('a logger of pino is one', async () => {
  const written: string[] = []
  const logger = pino({ level: 'debug' }, { write: (line: string) => void written.push(line) })
  const problem = new Error('of onResult')
  await expect(dispatch(['true'], { logger, onResult: () => Promise.reject(problem) }).summary()).rejects.toBe(problem)
  const lines = written.map((line) => JSON.parse(line))
  expect(lines[0]).toMatchObject({ level: 20, msg: 'task started', index: 0 })
  expect(lines.find(({ level }) => level === 50)).toMatchObject({
    err: { message: 'of onResult', stack: problem.stack },
  })
})

it('what is no logger is refused', () => {
  expect(() => dispatch([], { logger: { info() {} } as never })).toThrow(OptionError)
  expect(() => dispatch([], { logger: null as never })).toThrow('logger: expected an object with debug')
  expect(() => dispatch([], { logger: console })).not.toThrow()
})
