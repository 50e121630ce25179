import { afterEach, expect, it, vi } from 'vitest'
import { type SteeredRun, watchSignals } from '../../src/cli/signals.js'
import { flush } from '../helpers/fake-time.js'

afterEach(() => {
  vi.restoreAllMocks()
})

/** A run that is stopped when the test says so, and the signals that this process would have sent itself. */
const watched = () => {
  const sent: unknown[] = []
  vi.spyOn(process, 'kill').mockImplementation((_, signal) => {
    sent.push(signal)
    return true
  })
  const calls: string[] = []
  let stopped = () => {}
  const run = {
    suspend: () => new Promise<void>((resolve) => (stopped = resolve)),
    resume: () => void calls.push('resume'),
  } as unknown as SteeredRun
  const watch = watchSignals(run, () => {})
  return { watch, sent, calls, stop: () => stopped() }
}

it('TSTP stops drover itself when its tasks are stopped', async () => {
  const { watch, sent, stop } = watched()
  process.emit('SIGTSTP')
  await flush()
  expect(sent).toEqual([])
  stop()
  await flush()
  expect(sent).toEqual(['SIGSTOP'])
  watch.stop()
})

it('CONT that comes while they are being stopped is the last word', async () => {
  const { watch, sent, calls, stop } = watched()
  process.emit('SIGTSTP')
  process.emit('SIGCONT')
  stop()
  await flush()
  expect(sent).toEqual([])
  expect(calls).toEqual(['resume'])
  watch.stop()
})
