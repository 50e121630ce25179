import { describe, expect, it } from 'vitest'
import { dispatch } from '../../src/dispatch/dispatch.js'
import { Dispatcher } from '../../src/dispatch/dispatcher.js'
import type { Result } from '../../src/task/result.js'
import { processesWith } from '../helpers/processes.js'
import { until } from '../helpers/until.js'

/** Reads the results of a run while it is steered. */
function collect(run: AsyncIterable<Result>): { results: Result[]; done: Promise<void> } {
  const results: Result[] = []
  const done = (async () => {
    for await (const result of run) results.push(result)
  })()
  return { results, done }
}

const LONG = 'sleep 600'

describe('steering', () => {
  it('cancels a running task with its tree, and the rest goes on', async () => {
    const mark = `cancelled-${process.pid}`
    const run = dispatch(
      [{ id: 'long', command: `sleep 600.${process.pid} & sh -c '${LONG} # ${mark}'; :` }, 'echo a', 'echo b'],
      {
        concurrency: 2,
      },
    )
    const { results, done } = collect(run)
    await until('all others are done', () => results.length === 2)
    await until('it runs', () => processesWith(mark).length > 0)
    expect(run.steering.tasks()).toMatchObject([
      { index: 0, id: 'long', state: 'running', attempt: 1, pid: expect.any(Number) },
    ])
    expect(run.steering.cancel('long')).toMatchObject({ index: 0 })
    await done
    expect(results.at(-1)).toMatchObject({ id: 'long', state: 'cancelled', error: { code: 'ERR_DROVER_CANCELLED' } })
    expect(processesWith(mark)).toEqual([])
    expect(processesWith(`600.${process.pid}`)).toEqual([])
    expect(await run.summary()).toMatchObject({ complete: false, failures: 0, total: 3 })
  })

  it('does not try a cancelled task again, whatever its retries', async () => {
    const run = dispatch([LONG], { retries: 5, backoffMs: 0 })
    const { results, done } = collect(run)
    await until('it runs', () => run.progress().running === 1)
    run.steering.cancel('1')
    await done
    expect(results).toMatchObject([{ state: 'cancelled', attempt: 1, attempts: 6 }])
  })

  it('cancels one that waits to be tried again, and one that was not started yet', async () => {
    const dispatcher = new Dispatcher({ concurrency: 1, retries: 3, backoffMs: 600_000 })
    const failing = dispatcher.add({ id: 'failing', command: 'exit 3' })
    const long = dispatcher.add({ id: 'long', command: LONG })
    const waiting = dispatcher.add({ id: 'waiting', command: 'echo never' })
    const states = () => dispatcher.steering.tasks().map(({ id, state }) => `${id} ${state}`)
    await until('one runs and one waits', () => states().join() === 'long running,failing waiting')
    dispatcher.steering.cancel('failing')
    dispatcher.steering.cancel('waiting')
    dispatcher.steering.cancel('#2')
    expect(await failing).toMatchObject({ state: 'cancelled', exitCode: 3, attempt: 1 })
    expect(await waiting).toMatchObject({ state: 'skipped', attempt: 0, error: { code: 'ERR_DROVER_CANCELLED' } })
    expect(await long).toMatchObject({ state: 'cancelled' })
    await dispatcher.close()
  })

  it('takes an id before a number, and says so when there is no such task', async () => {
    const dispatcher = new Dispatcher({ concurrency: 3 })
    const first = dispatcher.add({ id: 'one', command: LONG })
    const second = dispatcher.add({ id: '1', command: LONG })
    await until('both run', () => dispatcher.progress().running === 2)
    expect(() => dispatcher.steering.cancel('7')).toThrow(expect.objectContaining({ code: 'ERR_DROVER_NO_TASK' }))
    dispatcher.steering.cancel('1')
    expect((await second).state).toBe('cancelled')
    dispatcher.steering.cancel('#1')
    expect((await first).state).toBe('cancelled')
    await dispatcher.close()
  })

  it('starts and reads nothing while it is paused, and goes on afterwards', async () => {
    let read = 0
    const tasks = function* () {
      for (let n = 0; n < 20; n++) {
        read += 1
        yield `echo ${n}`
      }
    }
    const run = dispatch(tasks(), { concurrency: 2 })
    run.steering.pause()
    const { results, done } = collect(run)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect({ read, started: run.progress().running, paused: run.steering.paused }).toEqual({
      read: 0,
      started: 0,
      paused: true,
    })
    run.steering.unpause()
    await done
    expect(results).toHaveLength(20)
  })

  it('lets what runs go on when it is paused, and ends when it is halted then', async () => {
    const run = dispatch(['echo first; sleep 0.1', 'echo second', 'echo third'], { concurrency: 1 })
    const { results, done } = collect(run)
    await until('it runs', () => run.progress().running === 1)
    run.steering.pause()
    await until('the first is done', () => results.length === 1)
    expect(run.progress()).toMatchObject({ running: 0, done: 1 })
    run.halt('soon')
    await done
    expect(results.map(({ state }) => state)).toEqual(['succeeded', 'skipped', 'skipped'])
  })

  it('follows what a task prints from its beginning, and tells of its end', async () => {
    const run = dispatch(
      [{ command: 'echo one; echo two >&2; read line; echo "$line"; exit 3', stdin: later('three\n') }],
      {
        control: true,
      },
    )
    const { done } = collect(run)
    await until('it has printed', () => printed(run).length === 8)
    const seen: string[] = []
    const { droppedBytes, task } = run.steering.follow('1', {
      onOutput: (stream, chunk) => seen.push(`${stream} ${chunk}`),
      onEnd: (state) => seen.push(state),
    })
    expect({ droppedBytes, attempt: task.attempt }).toEqual({ droppedBytes: 0, attempt: 1 })
    expect(seen.sort()).toEqual(['stderr two\n', 'stdout one\n'])
    release()
    await done
    expect(seen.slice(-2)).toEqual(['stdout three\n', 'failed'])
  })

  it('keeps the newest output of a task that prints much, and says how much is gone', async () => {
    const run = dispatch([{ command: 'seq 100000; sleep 600' }], { control: true, maxOutputBytes: 1000 })
    const { done } = collect(run)
    await until('all is printed', () => printed(run).endsWith('\n100000\n'))
    let text = ''
    const { droppedBytes, stop } = run.steering.follow('1', {
      onOutput: (_stream, chunk) => {
        text += chunk
      },
      onEnd() {},
    })
    stop()
    expect(droppedBytes + text.length).toBe(588_895)
    expect(text.length).toBeLessThanOrEqual(64 * 1024)
    run.halt('now')
    await done
  })

  it('says why output cannot be followed', async () => {
    const dropped = dispatch([LONG], { control: true, maxOutputBytes: 0 })
    const without = dispatch([LONG])
    const files = dispatch([LONG], { control: true, output: () => ({ stdout: '/dev/null', stderr: '/dev/null' }) })
    for (const [run, why] of [
      [dropped, 'only counted'],
      [without, 'without control'],
      [files, 'straight to /dev/null'],
    ] as const) {
      const { done } = collect(run)
      await until('it runs', () => run.progress().running === 1)
      expect(() => run.steering.follow('1', { onOutput() {}, onEnd() {} })).toThrow(why)
      run.halt('now')
      await done
    }
  })
})

let release: () => void = () => {}

/** A stream that gives its text when it is told to. */
async function* later(text: string) {
  await new Promise<void>((resolve) => {
    release = resolve
  })
  yield text
}

function printed(run: ReturnType<typeof dispatch>): string {
  const chunks: string[] = []
  try {
    run.steering.follow('1', { onOutput: (_stream, chunk) => chunks.push(String(chunk)), onEnd() {} }).stop()
  } catch {
    return ''
  }
  return chunks.join('')
}
