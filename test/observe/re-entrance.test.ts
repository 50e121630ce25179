import { expect, it, onTestFinished } from 'vitest'
import { dispatch, type Logger, Process, ProcessPool, run } from '../../dist/index.js'
import { listen } from './support.js'

/** Longer than any test may take: what is not ended is not waited for. */
const FOREVER = 'exec sleep 600'

/** Calls back once, at the first publication. */
function atFirst(channel: string, act: () => void): void {
  let isFirst = true
  listen(`tracing:drover:${channel}`, () => {
    if (!isFirst) return
    isFirst = false
    act()
  })
}

function loggerThat(says: string, act: () => void): Logger {
  const log = (_: object, message: string) => {
    if (message === says) act()
  }
  return { debug: log, info: log, warn: log, error: log }
}

it.each(['attempt:start', 'attempt:end', 'process:start', 'process:end'])(
  'a run that is aborted in %s ends what is just being started',
  async (channel) => {
    const aborter = new AbortController()
    atFirst(channel, () => aborter.abort())
    const states: string[] = []
    const onResult = ({ state }: { state: string }) => void states.push(state)
    const ran = dispatch([FOREVER, FOREVER], { concurrency: 1, signal: aborter.signal, onResult })
    const { byState } = await ran.summary()
    expect(byState).toMatchObject({ cancelled: 1, skipped: 1 })
    expect(states.sort()).toEqual(['cancelled', 'skipped'])
  },
)

it('a logger that aborts the run at the start of a task ends this one as well', async () => {
  const aborter = new AbortController()
  const logger = loggerThat('task started', () => aborter.abort())
  const { byState } = await dispatch([FOREVER], { signal: aborter.signal, logger }).summary()
  expect(byState.cancelled).toBe(1)
})

it.each(['attempt:asyncStart', 'attempt:asyncEnd'])(
  'a task that would be tried again has a result when the run is aborted in %s',
  async (channel) => {
    const aborter = new AbortController()
    atFirst(channel, () => aborter.abort())
    const results: string[] = []
    const ran = dispatch(['exit 3'], {
      ...{ retries: 5, backoffMs: 600_000, signal: aborter.signal },
      onResult: ({ state, exitCode }) => void results.push(`${state} ${exitCode}`),
    })
    expect((await ran.summary()).total).toBe(1)
    // In asyncStart it is not yet tried again, in asyncEnd it was about to be.
    expect(results).toEqual([channel === 'attempt:asyncStart' ? 'failed 3' : 'cancelled 3'])
  },
)

it('a logger that aborts the run when a task is to be tried again loses no result', async () => {
  const aborter = new AbortController()
  const logger = loggerThat('task is tried again', () => aborter.abort())
  const ran = dispatch(['exit 3'], { retries: 5, backoffMs: 600_000, signal: aborter.signal, logger })
  expect(await ran.summary()).toMatchObject({ total: 1, complete: false, byState: { cancelled: 1 } })
})

it.each(['process:start', 'process:end'])('a process whose signal is aborted in %s is ended', async (channel) => {
  const aborter = new AbortController()
  atFirst(channel, () => aborter.abort())
  await expect(run(FOREVER, { signal: aborter.signal })).rejects.toMatchObject({ result: { state: 'cancelled' } })
})

it('a process that is killed while its start is published is ended', async () => {
  const child = new Process(FOREVER)
  atFirst('process:start', () => void child.kill())
  child.start()
  expect((await child.result).state).toBe('cancelled')
})

it('a request whose signal is aborted while it is published is rejected', async () => {
  const pool = new ProcessPool('cat', { protocol: 'lines', max: 1 })
  onTestFinished(() => pool.destroy())
  const aborter = new AbortController()
  atFirst('request:start', () => aborter.abort(new Error('enough')))
  await expect(pool.request('hello', { signal: aborter.signal })).rejects.toThrow('enough')
})
